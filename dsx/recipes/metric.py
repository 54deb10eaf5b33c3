"""A metric: what a training reports of a model. Statistics take it as an error, of which less is better."""

from __future__ import annotations

import math
from typing import Literal

from dsx.base.schema import Frozen


class Metric(Frozen):
    """name: of its column. unit: as on an axis; `%` if the values are percent. better: which of two values is.

    chance: the value of a guess, with which a model that diverged counts; null: unknown, so that it fails instead.
    label: on axes and in sentences; the name by default.
    """

    name: str
    unit: str = ""
    better: Literal["lower", "higher"]
    chance: float | None = None
    label: str = ""

    @property
    def words(self) -> str:
        """What it is called in sentences."""
        return self.name if self.name == ERROR_NAME else self.label or self.name

    @property
    def title(self) -> str:
        """The same at the beginning of a title."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def plural(self) -> str:
        """What values of several models are called."""
        return "errors" if self.words == ERROR_NAME else self.words

    @property
    def axis(self) -> str:
        """What it is called on an axis, with its unit: `top-1 error (%)`."""
        return f"{self.label or self.name} ({self.unit})" if self.unit else self.label or self.name

    def axis_of(self, symbol: str) -> str:
        """The same with a symbol for its values: `top-1 error e (%)`."""
        return f"{self.label or self.name} {symbol}" + (f" ({self.unit})" if self.unit else "")

    @property
    def extreme(self) -> str:
        """What the best value is: lowest or highest."""
        return f"{self.better[:-2]}est"

    @property
    def short_extreme(self) -> str:
        """The same in a legend: min or max."""
        return "min" if self.better == "lower" else "max"

    @property
    def unit_after(self) -> str:
        """The unit as it stands behind a number or a name: ` %`, or nothing."""
        return f" {self.unit}" if self.unit else ""

    @property
    def unit_of_differences(self) -> str:
        """What differences of it are in: points, or its unit."""
        return "points" if self.percent or not self.unit else self.unit

    @property
    def points(self) -> str:
        """The same with its name: points of error, of AP."""
        return f"{self.unit_of_differences} of {self.words}"

    @property
    def percent(self) -> bool:
        """Whether values lie between 0 and 100."""
        return self.unit == "%"

    @property
    def error_range(self) -> tuple[float, float]:
        """Between which an error of it lies, ends included."""
        return (0.0, 100.0) if self.percent else (-math.inf, math.inf)

    def as_error(self, value: float) -> float:
        """The value as an error: itself if lower is better, else 100 − value of percent, and −value of all else."""
        if self.better == "lower":
            return value
        return 100.0 - value if self.percent else -value

    def from_error(self, error: float) -> float:
        """The value whose error is given: `as_error` undone, which is the same sum."""
        return self.as_error(error)

    def interval(self, error: float, low: float, high: float) -> tuple[float, float, float]:
        """The value and interval whose error and interval are given: the ends change places where more is better."""
        ends = (low, high) if self.better == "lower" else (high, low)
        return self.from_error(error), self.from_error(ends[0]), self.from_error(ends[1])

    def difference(self, error: float, low: float, high: float) -> tuple[float, float, float]:
        """A difference of values and its interval, of which that of errors is given."""
        return (error, low, high) if self.better == "lower" else (-error, -high, -low)


ERROR_NAME = "error"
# what the built-in trainer reports
ERROR = Metric(name=ERROR_NAME, unit="%", better="lower", label="top-1 error")
# what a training of a user's own is taken to report if it declares nothing
PLAIN_ERROR = Metric(name=ERROR_NAME, unit="%", better="lower")

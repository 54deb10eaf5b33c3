"""A metric: what a training reports of a model. Statistics take it as an error, of which less is better."""

from __future__ import annotations

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
        """What it is called in sentences and on axes."""
        return self.label or self.name

    @property
    def percent(self) -> bool:
        """Whether values lie between 0 and 100."""
        return self.unit == "%"

    def as_error(self, value: float) -> float:
        """The value as an error: itself if lower is better, else 100 − value of percent, and −value of all else."""
        if self.better == "lower":
            return value
        return 100.0 - value if self.percent else -value

    def from_error(self, error: float) -> float:
        """The value whose error is given: `as_error` undone, which is the same sum."""
        return self.as_error(error)


# what the built-in trainer reports, and what a training is taken to report that declares nothing
ERROR = Metric(name="error", unit="%", better="lower")

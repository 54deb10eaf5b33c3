"""Distributions of a parameter: a finite table of values and masses, or a quantile function.

Ends are inclusive. A step quantises: the values are low, low + step, … up to high. Quantised
log-uniform gives value v the mass log(v) − log(v − step), and the lowest value log(low) −
log(low − min(step, low / 2)), normalised: a log-uniform draw rounded up to the grid.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from dsx.base.schema import Frozen

Number = StrictInt | StrictFloat
MAX_VALUES = 1_000_000
_NORMAL = NormalDist()


def inverse_transform(masses: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Indices into a table of masses (k,) at probabilities u in [0, 1)."""
    return np.minimum(np.searchsorted(np.cumsum(masses), u, side="right"), len(masses) - 1)


class Distribution(Frozen):
    """What all distributions share. per: `network` draws one value, `stage` one for each stage, independently."""

    per: Literal["network", "stage"] = "network"

    @cached_property
    def values(self) -> np.ndarray:
        """(k,) possible values, ascending where they are numbers; empty if continuous."""
        return self._table()[0]

    @cached_property
    def masses(self) -> np.ndarray:
        """(k,) probabilities of `values`, summing to 1."""
        masses = self._table()[1]
        return masses / masses.sum()

    @property
    def continuous(self) -> bool:
        return len(self.values) == 0

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities u in [0, 1), by inverse transform."""
        return self.values[self.index(u)]

    def index(self, u: np.ndarray) -> np.ndarray:
        """Indices into `values` at probabilities u in [0, 1)."""
        return inverse_transform(self.masses, u)

    @abstractmethod
    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and masses up to a factor."""

    @abstractmethod
    def describe(self) -> str:
        """The distribution in a few words, without its name."""


class Fixed(Distribution):
    """One value. In YAML the bare value may stand for it."""

    distribution: Literal["fixed"] = "fixed"
    value: StrictBool | Number | StrictStr

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([self.value]), np.ones(1)

    def describe(self) -> str:
        return f"fixed at {self.value}"


class SameAs(Distribution):
    """Always the value of another parameter: one degree of freedom less (`w0 = wa` in RegNet §3.3)."""

    distribution: Literal["same_as"]
    parameter: str

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("a shared parameter has no table of its own")

    def describe(self) -> str:
        return f"the value of {self.parameter}"


class Choice(Distribution):
    """Any of the listed values, with equal or given weights."""

    # studies hold what `to_dict` gives, in which the field has its own name
    model_config = ConfigDict(populate_by_name=True)

    distribution: Literal["choice"]
    values_: Annotated[tuple[Number | StrictStr, ...], Field(alias="values", min_length=1)]
    weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None

    @model_validator(mode="after")
    def _matching(self) -> Choice:
        if len({isinstance(value, str) for value in self.values_}) > 1:
            raise ValueError(f"values {list(self.values_)} mix text and numbers")
        if len(set(self.values_)) != len(self.values_):
            raise ValueError(f"values {list(self.values_)} hold one value twice; give it a weight instead")
        if self.weights is not None and len(self.weights) != len(self.values_):
            raise ValueError(f"{len(self.weights)} weights for {len(self.values_)} values: expected one for each")
        return self

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        weights = np.array(self.weights or [1.0] * len(self.values_))
        values = np.array(self.values_)
        order = np.argsort(values, kind="stable") if values.dtype.kind in "if" else np.arange(len(values))
        return values[order], weights[order]

    def describe(self) -> str:
        listed = ", ".join(map(str, self.values_))
        return f"one of {listed}" + (
            f" with weights {', '.join(f'{w:g}' for w in self.weights)}" if self.weights else ""
        )


class Ranged(Distribution):
    """Base of distributions over [low, high], both ends inclusive."""

    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> Ranged:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}: an empty range; swap them")
        return self


class Stepped(Ranged):
    """A range that a step may quantise; without one the parameter is continuous."""

    step: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _finite(self) -> Stepped:
        if self.step is not None and (self.high - self.low) / self.step > MAX_VALUES:
            raise ValueError(
                f"step {self.step} makes more than {MAX_VALUES:,} values of [{self.low}, {self.high}];"
                " take a coarser one"
            )
        return self

    def grid(self) -> np.ndarray:
        """low, low + step, … ≤ high; integers if low and step are."""
        if self.step is None:
            return np.empty(0)
        count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
        grid = self.low + self.step * np.arange(count)
        # decimal steps such as 0.1 give 0.30000000000000004; people read and hash the rounded value
        return grid if grid.dtype.kind == "i" else np.round(grid, 10)

    def describe(self) -> str:
        step = f", step {self.step:g}" if self.step is not None else ""
        return f"{self.low:g} to {self.high:g}{step}"


class Uniform(Stepped):
    """Every value of the range equally likely."""

    distribution: Literal["uniform"]

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        grid = self.grid()
        return grid, np.ones(len(grid))

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return self.low + u * (self.high - self.low) if self.continuous else super().quantile(u)


class LogUniform(Stepped):
    """The logarithm is uniform: every octave equally likely. Needs low > 0."""

    distribution: Literal["log_uniform"]
    low: Annotated[Number, Field(gt=0)]

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        grid = self.grid()
        if self.step is None:
            return grid, grid
        below = (grid - self.step).astype(float)
        below[0] = grid[0] - min(self.step, self.low / 2)
        return grid, np.log(grid) - np.log(below)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        if not self.continuous:
            return super().quantile(u)
        return np.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))


class PowersOfTwo(Ranged):
    """The powers of two in the range, equally likely; low may be a fraction such as 0.125."""

    distribution: Literal["powers_of_two"]
    low: Annotated[Number, Field(gt=0)]

    @model_validator(mode="after")
    def _some(self) -> PowersOfTwo:
        if len(self.values) == 0:
            raise ValueError(f"no power of two lies in [{self.low}, {self.high}]")
        return self

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        exponents = np.arange(math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9) + 1)
        whole = len(exponents) == 0 or exponents[0] >= 0
        return (2**exponents if whole else 2.0**exponents), np.ones(len(exponents))

    def describe(self) -> str:
        return f"powers of two from {self.low:g} to {self.high:g}"


class PowersOfTwoOrLogUniform(Ranged):
    """Powers of two below `step`, multiples of `step` from there on, both log-uniform.

    A value's mass is its logarithm less that of the value before it, log 2 for the lowest.
    """

    distribution: Literal["powers_of_two_or_log_uniform"]
    low: Annotated[StrictInt, Field(ge=1)]
    high: Annotated[StrictInt, Field(ge=1)]
    step: Annotated[StrictInt, Field(ge=1)] = 8

    @model_validator(mode="after")
    def _some(self) -> PowersOfTwoOrLogUniform:
        if len(self.values) == 0:
            raise ValueError(f"[{self.low}, {self.high}] holds no power of two below {self.step} and no multiple of it")
        return self

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        small = [2**e for e in range(self.step.bit_length()) if 2**e < self.step]
        large = range(self.step, self.high + 1, self.step)
        values = np.array([v for v in (*small, *large) if self.low <= v <= self.high], dtype=np.int64)
        if len(values) == 0:
            return values, np.ones(0)
        before = np.concatenate([values[:1] / 2, values[:-1]])
        return values, np.log(values) - np.log(before)

    def describe(self) -> str:
        return f"powers of two below {self.step}, multiples of {self.step} from there, {self.low} to {self.high}"


class Normal(Stepped):
    """Normal with mean and standard deviation, restricted to the range (truncated, not piled up at the ends).

    A step rounds to the nearest value of the grid.
    """

    distribution: Literal["normal"]
    mean: Number
    std: Annotated[Number, Field(gt=0)]

    @model_validator(mode="after")
    def _reachable(self) -> Normal:
        if self.low < self.high and not _normal_mass(*self._standard(np.array([self.low, self.high]))) > 0:
            raise ValueError(f"no mass of the distribution lies in [{self.low:g}, {self.high:g}]; move it, or widen it")
        return self

    def _standard(self, x: np.ndarray) -> np.ndarray:
        """Distances from the mean in standard deviations."""
        return np.asarray((x - self.mean) / self.std, dtype=float)

    def _value(self, z: np.ndarray) -> np.ndarray:
        return np.asarray(self.mean + self.std * z)

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        grid = self.grid()
        if self.step is None or len(grid) == 1:
            return grid, np.ones(len(grid))
        end = min(self.high, grid[-1] + self.step / 2)
        edges = self._standard(np.concatenate([[grid[0]], (grid[:-1] + grid[1:]) / 2, [end]]))
        return grid, np.array([_normal_mass(low, high) for low, high in itertools.pairwise(edges)])

    def quantile(self, u: np.ndarray) -> np.ndarray:
        if not self.continuous:
            return super().quantile(u)
        low, high = self._standard(np.array([self.low, self.high]))
        # above the mean the upper tail is the smaller number, and keeps its digits
        sign = -1.0 if low > 0 else 1.0
        start, end = (_normal_cdf(sign * z) for z in (low, high))
        shares = np.clip(start + u * (end - start), 5e-324, 1 - 2.0**-53)
        z = sign * np.array([_NORMAL.inv_cdf(p) for p in shares.tolist()])
        return np.clip(self._value(z), self.low, self.high)

    def describe(self) -> str:
        return f"mean {self.mean:g}, std {self.std:g}, within {super().describe()}"


class LogNormal(Normal):
    """The natural logarithm is normal: `mean` is the median of the value, `std` that of the logarithm."""

    distribution: Literal["log_normal"]  # type: ignore[assignment]
    low: Annotated[Number, Field(gt=0)]
    mean: Annotated[Number, Field(gt=0)]

    def _standard(self, x: np.ndarray) -> np.ndarray:
        return np.asarray((np.log(x) - math.log(self.mean)) / self.std)

    def _value(self, z: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(math.log(self.mean) + self.std * z))

    def describe(self) -> str:
        return f"median {self.mean:g}, std of the logarithm {self.std:g}, within {Stepped.describe(self)}"


def _normal_mass(low: float, high: float) -> float:
    """Standard normal probability of [low, high], exact to rounding in both tails."""
    return _normal_cdf(-low) - _normal_cdf(-high) if low > 0 else _normal_cdf(high) - _normal_cdf(low)


def _normal_cdf(z: float) -> float:
    # NormalDist.cdf loses the lower tail to cancellation
    return math.erfc(-z / math.sqrt(2)) / 2


Parameter = Annotated[
    Fixed | SameAs | Choice | Uniform | LogUniform | PowersOfTwo | PowersOfTwoOrLogUniform | Normal | LogNormal,
    Field(discriminator="distribution"),
]


def from_shorthand(value: object) -> dict[str, Any]:
    """A bare value in place of a distribution means `fixed`."""
    return value if isinstance(value, dict) else {"distribution": "fixed", "value": value}

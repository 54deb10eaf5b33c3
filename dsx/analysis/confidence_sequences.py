"""Intervals that hold at every number of models at once, so that a growing study may be looked at at any time.

An interval at one look misses in 5 % of studies; looked at after every eighth model up to 500, at some look
in a third. These miss at any look in at most 5 %. The errors are taken in the populations' order.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsx.analysis.betting import SPLIT, STAKES
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, check_count, check_level
from dsx.results.samples import Errors, as_sample

# the mixture that bounds counts below a quantile is as if so many models had been seen before the first
_BEFORE = 20.0
# numbers of models between which one width of the band holds grow by this factor
_EPOCH = 1.15


@dataclass(frozen=True, eq=False)
class ConfidenceSequence:
    """Intervals after looks at the first n models."""

    n: npt.NDArray[np.int64]  # n, estimate, low, high: (m,); an end is NaN where there is none yet
    estimate: Floats
    low: Floats
    high: Floats
    level: float
    # `exact` where the level holds for any distribution within what the function says; `asymptotic` where it holds in
    # the limit of many models
    method: Literal["exact", "asymptotic"]


def quantile_sequence(
    errors: Errors, q: float = 0.5, looks: Sequence[int] | None = None, level: float = 0.95
) -> ConfidenceSequence:
    """The q-quantile of the errors after each look: exact for any distribution, ties included.

    errors: (n,) percent in order. 0 < q < 1. looks: numbers of models, by default every one. The number of
    errors below the quantile is a sum of coins of chance q; its bounds at all times are those of a
    Beta-mixture of bets on another chance (Howard and Ramdas 2022, theorem 1(b)); the ends are the
    errors of these ranks. Raises DsxError for q outside (0, 1) or a look beyond the models.
    """
    values = as_sample(errors)
    if not 0 < q < 1:
        raise DsxError(f"q = {q}: a quantile lies strictly between 0 and 1")
    n = _looks(looks, values.size)
    alpha = 1 - check_level(level)
    estimate, low, high = np.full((3, n.size), math.nan)
    for i, look in enumerate(n):
        ordered = np.sort(values[:look])
        fewest, most = count_bounds(int(look), q, alpha)
        estimate[i] = np.quantile(ordered, q)
        if fewest >= 1:
            low[i] = ordered[fewest - 1]
        if most < look:
            high[i] = ordered[most]
    return ConfidenceSequence(n, estimate, low, high, level, "exact")


def count_bounds(n: int, q: float, alpha: float) -> tuple[int, int]:
    """Fewest and most of n coins of chance q that fall, at all n at once with probability ≥ 1 − alpha."""

    def likely(count: int) -> bool:
        return _log_mixture(count, n, q) < -math.log(alpha)

    centre = round(n * q)
    down = _last(lambda step: likely(centre - step), centre)
    up = _last(lambda step: likely(centre + step), n - centre)
    return centre - down, centre + up


def edf_sequence_half_width(n: npt.ArrayLike, level: float = 0.95, first: int = 8) -> Floats:
    """Half the height of a band about the EDF of n models that holds the true curve at all n ≥ first at once.

    n: (m,). The largest distance of the EDF from the truth is a reverse submartingale; so is each convex
    function of it, and Doob's inequality bounds its supremum over all n from N on by its mean at N, which the
    Dvoretzky–Kiefer–Wolfowitz inequality bounds. One width for N … 1.15 N, with error α/((j + 1)(j + 2))
    in the j-th such stretch. Of the order √(log log n / n), as in Howard and Ramdas (2022), theorem 2. NaN
    below `first`. Raises DsxError if first < 1.
    """
    check_count(first, "first", "the models at the first look")
    alpha = 1 - check_level(level)
    sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
    widths = np.full(sizes.size, math.nan)
    for i, size in enumerate(sizes):
        if size >= first:
            epoch = int(math.log(size / first) / math.log(_EPOCH) + 1e-9)
            begin = min(size, math.ceil(first * _EPOCH**epoch - 1e-9))
            widths[i] = _reach(alpha / ((epoch + 1) * (epoch + 2))) / math.sqrt(2 * begin)
    return np.minimum(widths, 1.0)


def edf_sequence_looks(n: int, first: int = 8) -> list[int]:
    """The numbers of models up to n at which a band gets narrower: 8, 9, 11 …, each some 1.15 times the one before."""
    epochs = int(math.log(max(n, first) / first) / math.log(_EPOCH)) + 2
    begins = (math.ceil(first * _EPOCH**epoch - 1e-9) for epoch in range(epochs))
    return sorted({begin for begin in begins if begin <= n})


def edf_sequence_pvalue(n: int, distance: float, first: int = 8) -> float:
    """1 − level of the band of `edf_sequence_half_width` that is as wide as `distance` at n ≥ `first` models."""
    epoch = int(math.log(n / first) / math.log(_EPOCH) + 1e-9)
    begin = min(n, math.ceil(first * _EPOCH**epoch - 1e-9))
    return min(1.0, (epoch + 1) * (epoch + 2) * _beyond(distance * math.sqrt(2 * begin)))


def mean_sequence(
    errors: Errors, highest: float = 100.0, looks: Sequence[int] | None = None, level: float = 0.95
) -> ConfidenceSequence:
    """The mean error after each look: exact for errors from 0 to `highest`, such as that of a guess.

    errors: (n,) percent in order. Two bettors, on a higher and on a lower mean, hold out against each mean that
    is in the interval (Waudby-Smith and Ramdas 2023). Wide for few models, and rightly so: no 64 models rule
    out that 5 % diverge. Raises DsxError if an error lies outside [0, highest].
    """
    values = as_sample(errors)
    if values.min() < 0 or values.max() > highest:
        raise DsxError(
            f"errors from {values.min():g} to {values.max():g}: expected them from 0 to highest = {highest:g}"
        )
    n = _looks(looks, values.size)
    bar = math.log(2 / (1 - check_level(level)))
    scaled = values / highest
    high = np.array([1 - _lowest_mean(1 - scaled[:look], bar) for look in n])
    low = np.array([_lowest_mean(scaled[:look], bar) for look in n])
    estimate = np.cumsum(values)[n - 1] / n
    return ConfidenceSequence(n, estimate, low * highest, high * highest, level, "exact")


def asymptotic_mean_sequence(
    errors: Errors, looks: Sequence[int] | None = None, level: float = 0.95, at: int = 100, first: int = 128
) -> ConfidenceSequence:
    """The mean error after each look, in the limit of many models: a normal mixture, tightest near `at` models.

    errors: (n,) percent in order; they need no bound, but rare bad models must have shown themselves: the ends are NaN
    below `first` models. From 128 on 95 % intervals miss at some look up to 1,000 in 2 to 3 % of smooth laws, in 5 %
    where 10 % of models are bad and 3 % diverge; from 8 on, in 42 % there. Source: Waudby-Smith, Arbour, Sinha,
    Kennedy and Ramdas (2024), equation 1. Raises DsxError if at or first < 1.
    """
    check_count(at, "at", "the models near which it is tightest")
    check_count(first, "first", "the models at the first look")
    values = as_sample(errors)
    n = _looks(looks, values.size)
    alpha = 1 - check_level(level)
    mean = np.cumsum(values)[n - 1] / n
    variance = np.array([values[:look].var() for look in n])
    rho_squared = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / at
    grown = n * rho_squared + 1
    reach = np.sqrt(variance * 2 * grown / (n**2 * rho_squared) * np.log(np.sqrt(grown) / alpha))
    reach[n < first] = math.nan
    return ConfidenceSequence(n, mean, mean - reach, mean + reach, level, "asymptotic")


def _looks(looks: Sequence[int] | None, total: int) -> npt.NDArray[np.int64]:
    n = np.arange(1, total + 1) if looks is None else np.atleast_1d(np.asarray(looks, dtype=np.int64))
    if n.size and (n.min() < 1 or n.max() > total):
        raise DsxError(f"looks = {looks}: expected numbers of models from 1 to {total}")
    return n


def _log_mixture(count: int, n: int, q: float) -> float:
    """Log of the wealth of a Beta(20q, 20(1 − q)) mixture of bets, after `count` of n coins fell, against chance q."""
    from scipy.special import betaln

    a, b = _BEFORE * q, _BEFORE * (1 - q)
    return float(betaln(a + count, b + n - count) - betaln(a, b) - count * math.log(q) - (n - count) * math.log1p(-q))


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest step from 0 to `most` for which it holds; it holds up to some step, 0 included, and not beyond."""
    return bisect.bisect_left(range(1, most + 1), True, key=lambda step: not holds(step))


@lru_cache(maxsize=4096)
def _reach(alpha: float) -> float:
    """z with P(√(2N) sup over n ≥ N of the distance ≥ z) ≤ alpha."""
    from scipy.optimize import brentq

    return float(brentq(lambda z: math.log(_beyond(z)) - math.log(alpha), 1.0, 8.0))


def _beyond(z: float) -> float:
    """Bound of P(√(2N) sup over n ≥ N of the distance ≥ z): least over u < z of √π erfc(u) / (z − u); not capped."""
    from scipy.optimize import minimize_scalar
    from scipy.special import erfc

    if z <= 1:  # it is above 1.6 there
        return math.inf
    best = minimize_scalar(
        lambda u: math.log(math.sqrt(math.pi) * erfc(u)) - math.log(z - u), bounds=(0, z - 1e-9), method="bounded"
    )
    return math.exp(float(best.fun))


def _lowest_mean(values: Floats, bar: float) -> float:
    """The smallest mean that bets on a higher one do not make rich at any look so far. values: (n,) in [0, 1].

    The stakes are shares of what could be lost, so the wealth falls as the mean in question rises.
    """

    def rich(mean: float) -> bool:
        wealth = np.full(values.size, -np.inf)
        for stake, split in zip((*STAKES, 0.99), (*SPLIT[:-1], SPLIT[-1] / 2, SPLIT[-1] / 2), strict=True):
            grown = np.cumsum(np.log1p(stake * (values / mean - 1))) + math.log(split)
            wealth = np.logaddexp(wealth, grown)
        return float(wealth.max()) >= bar

    low, high = 0.0, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if rich(middle) else (low, middle)
    return low

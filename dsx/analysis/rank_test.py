"""The test that decides between two populations: is a model of one more often better than a model of the other?

The statistic is Brunner and Munzel's, studentised so that it needs no equal shapes, on the arcsine scale,
where it keeps its level far into the tails (at n = 16 and p = 0.001 the plain statistic errs by a factor of
2.5, the logit by a factor of 20). Up to `PERMUTED` models in the smaller population its distribution
comes from relabelling the models, exact where the populations are equal; above, from Student's t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsx.analysis.permutation import (
    BATCH,
    ENUMERATED,
    Positions,
    all_subsets,
    random_subsets,
    rank_statistics,
)
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample

PERMUTED = 32
DRAWS = 10_000
# a p-value is settled once so many relabellings were at least as extreme (Besag and Clifford 1991)
_SETTLED = 200


Method = Literal["exact permutation", "permutation", "Brunner–Munzel", "none"]


@dataclass(frozen=True)
class RankTest:
    """Probability of superiority of a over b, P(a < b) + ½ P(a = b), and the test that it is one half."""

    n_a: int
    n_b: int
    superiority: float
    # standard_error, freedom: of the probability, Brunner and Munzel's; NaN with a single model on a side
    standard_error: float
    freedom: float
    # the distance from one half in standard errors, arcsine scale; infinite where one lies wholly below
    statistic: float
    pvalue: float  # two-sided, twice the smaller tail, so that each direction errs half as often
    method: Method  # where it is from

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the superiority, Student's on the logit scale, within [0, 1]. NaN with a single model.

        Where few models are far apart the logit covers and the arcsine, on which the test is made, does not.
        Where the standard error is 0 the models of both are paired off: if all of n pairs agree, the
        chance that a pair does is at least ((1 − level)/2)^(1/n), whatever the distributions.
        """
        from scipy.special import expit, logit, stdtrit

        tail = (1 - check_level(level)) / 2
        if math.isnan(self.standard_error):
            return math.nan, math.nan
        if self.standard_error == 0:
            agree = tail ** (1 / min(self.n_a, self.n_b))
            if self.superiority in (0, 1):
                return (agree, 1.0) if self.superiority == 1 else (0.0, 1 - agree)
            return agree / 2, 1 - agree / 2
        reach = stdtrit(self.freedom, 1 - tail) * self.standard_error / (self.superiority * (1 - self.superiority))
        centre = logit(self.superiority)
        return float(expit(centre - reach)), float(expit(centre + reach))

    def tail(self, chance: float) -> float:
        """One-sided p-value of "the superiority is at most `chance`", by Student's t; `standard_error` above 0."""
        from scipy.special import stdtr

        distance = 2 * (math.asin(math.sqrt(self.superiority)) - math.asin(math.sqrt(chance)))
        scale = math.sqrt(self.superiority * (1 - self.superiority)) / self.standard_error
        return float(stdtr(self.freedom, -distance * scale))


def rank_test(errors_a: Errors, errors_b: Errors, seed: int = 0, draws: int = DRAWS) -> RankTest:
    """Test that a model of a is as often better than a model of b as the other way round, ties half.

    errors: (n,) percent each. Relabellings are listed up to 4,000, drawn up to `PERMUTED` models in the
    smaller population (seeded, `draws` at most); above, Student's t. p is never below that of two
    populations of min(n_a, n_b) models each that lie wholly apart, 2/C(2n, n): three models beside five hundred
    decide no more than three beside three. Swapping a and b mirrors it exactly.
    Sources: Brunner and Munzel (2000); Neubert and Brunner (2007); Pauly, Asendorf and Konietschke (2016).
    """
    return sorted_rank_test(np.sort(as_sample(errors_a)), np.sort(as_sample(errors_b)), seed, draws)


def sorted_rank_test(a: Floats, b: Floats, seed: int = 0, draws: int = DRAWS) -> RankTest:
    """`rank_test` of errors in ascending order."""
    chance, variance_a, variance_b = _observed(a, b)
    n_a, n_b = a.size, b.size
    if min(n_a, n_b) < 2:
        return RankTest(n_a, n_b, chance, math.nan, math.nan, math.nan, 1.0, "none")
    variance = variance_a + variance_b
    error = math.sqrt(variance)
    freedom = variance**2 / (variance_a**2 / (n_a - 1) + variance_b**2 / (n_b - 1)) if variance else math.nan
    statistic = float(_arcsine_statistic(np.array([chance]), np.array([variance]))[0])
    pvalue: float
    method: Method
    if statistic == 0:
        pvalue, method = 1.0, "none"
    elif min(n_a, n_b) <= PERMUTED:
        pvalue, method = _permutation(a, b, statistic, seed, draws)
    else:
        pvalue, method = _students(statistic, freedom), "Brunner–Munzel"
    pvalue = min(1.0, max(pvalue, smallest_pvalue(min(n_a, n_b))))
    return RankTest(n_a, n_b, chance, error, freedom, statistic, pvalue, method)


def smallest_pvalue(n: int) -> float:
    """The lowest p-value that n models of each can reach: 2 / C(2n, n), both orders of populations wholly apart."""
    return min(1.0, 2 / math.comb(2 * n, n)) if n < 500 else 0.0


def smallest_n(alpha: float) -> int:
    """The fewest models of each with which a p-value ≤ alpha can be reached. 0 < alpha < 1."""
    n = 1
    while smallest_pvalue(n) > alpha:
        n += 1
    return n


def _observed(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Superiority of a, and the variances of the means of the placements; both sorted. Counts in whole numbers."""
    above_a = 2 * b.size - np.searchsorted(b, a, "left") - np.searchsorted(b, a, "right")
    below_b = np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")
    chance = int(above_a.sum()) / (2 * a.size * b.size)
    if min(a.size, b.size) < 2:
        return chance, math.nan, math.nan
    variances = [
        float(np.var(counts / (2 * other), ddof=1)) / counts.size if counts.min() < counts.max() else 0.0
        for counts, other in ((above_a, b.size), (below_b, a.size))
    ]
    return chance, variances[0], variances[1]


def _arcsine_statistic(chance: Floats, variance: Floats) -> Floats:
    """(2 arcsin √θ − π/2) √(θ(1 − θ)) / s: above 0 where θ > ½. ±∞ where s = 0 and θ ≠ ½, and 0 at ½."""
    distance = (2 * np.arcsin(np.sqrt(chance)) - math.pi / 2) * np.sqrt(chance * (1 - chance))
    apart = variance == 0
    statistic = np.divide(distance, np.sqrt(variance), out=np.zeros_like(distance), where=~apart)
    statistic[apart] = np.where(chance[apart] == 0.5, 0.0, np.copysign(np.inf, chance[apart] - 0.5))
    statistic[chance == 0.5] = 0.0
    return statistic


def _students(statistic: float, freedom: float) -> float:
    """Two-sided p-value; 0 where the statistic is infinite."""
    from scipy.special import stdtr

    return 0.0 if math.isinf(statistic) else 2 * float(stdtr(freedom, -abs(statistic)))


def _permutation(a: Floats, b: Floats, statistic: float, seed: int, draws: int) -> tuple[float, Method]:
    """Twice the share of relabellings at least as extreme in the direction observed."""
    subset_is_a = a.size < b.size or (a.size == b.size and statistic > 0)
    size, total = min(a.size, b.size), a.size + b.size
    reached = statistic if subset_is_a else -statistic
    pooled = np.sort(np.concatenate([a, b]))
    all_listed = math.comb(total, size) <= ENUMERATED
    if (pooled[1:] > pooled[:-1]).all():
        null = _untied(size, total, seed, draws)
        extreme, seen = int(_as_extreme(null, reached).sum()), null.size
    elif all_listed:
        null = _statistics(all_subsets(size, total), *_ties(pooled))
        extreme, seen = int(_as_extreme(null, reached).sum()), null.size
    else:
        extreme, seen = _drawn(pooled, size, reached, seed, draws)
    if all_listed:
        return 2 * extreme / seen, "exact permutation"
    return 2 * (extreme + 1) / (seen + 1), "permutation"


def _drawn(pooled: Floats, size: int, reached: float, seed: int, draws: int) -> tuple[int, int]:
    """How many of how many drawn relabellings are as extreme; no more are drawn than settle the p-value."""
    ties = _ties(pooled)
    extreme = seen = 0
    for batch in range(-(-draws // BATCH)):
        null = _statistics(random_subsets(size, pooled.size, seed, batch), *ties)
        hits = np.flatnonzero(_as_extreme(null, reached))
        if extreme + hits.size >= _SETTLED:
            # stopped by the relabelling that settles it: p = _SETTLED / seen, without one for the observed
            return _SETTLED - 1, seen + int(hits[_SETTLED - extreme - 1])
        extreme, seen = extreme + hits.size, seen + BATCH
    return extreme, seen


@lru_cache(maxsize=64)
def _untied(size: int, total: int, seed: int, draws: int) -> Floats:
    """Statistics of all relabellings, or of `draws`, where no errors tie: they hang on the numbers of models alone."""
    start = np.arange(total)
    if math.comb(total, size) <= ENUMERATED:
        batches = [all_subsets(size, total)]
    else:
        batches = [random_subsets(size, total, seed, batch) for batch in range(-(-draws // BATCH))]
    return np.concatenate([_statistics(subsets, start, start + 1) for subsets in batches])


def _statistics(subsets: Positions, start: Positions, end: Positions) -> Floats:
    chance, variance, variance_rest = rank_statistics(subsets, start, end)
    return _arcsine_statistic(chance, variance + variance_rest)


def _as_extreme(null: Floats, reached: float) -> npt.NDArray[np.bool_]:
    """Which statistics are as far as `reached` on its side, but for rounding."""
    if math.isinf(reached):
        return null == reached
    return null >= reached - 1e-9 if reached > 0 else null <= reached + 1e-9


def _ties(pooled: Floats) -> tuple[Positions, Positions]:
    """For each of the sorted errors, the first position of its ties and the first after them."""
    return np.searchsorted(pooled, pooled, "left"), np.searchsorted(pooled, pooled, "right")

"""The probability that a model of one population has a lower error than a model of the other."""

from __future__ import annotations

import math

import numpy as np

from dsx.analysis.students import students_reach
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample


def superiority(errors_a: Errors, errors_b: Errors, level: float = 0.95) -> tuple[float, float, float]:
    """P(error of a < error of b) + ½ P(equal), with its interval: (probability, low, high).

    errors: (n,) percent each. The Mann–Whitney statistic divided by n_a·n_b. Interval: Brunner and
    Munzel's variance and degrees of freedom on the logit scale, so it stays within [0, 1] and needs no
    equal shapes; where that variance is 0 (one population lies wholly below the other), Newcombe's
    (2006, method 5). Conservative below some 15 models of each.
    Swapping a and b mirrors it. The interval is (NaN, NaN) if either has one model.
    """
    a, b = np.sort(as_sample(errors_a, "a")), np.sort(as_sample(errors_b, "b"))
    check_level(level)
    place_a, place_b = 1 - midcounts(b, a) / b.size, midcounts(a, b) / a.size
    chance = float(place_a.mean())
    if min(a.size, b.size) < 2:
        return chance, math.nan, math.nan
    share_a, share_b = place_a.var(ddof=1) / a.size, place_b.var(ddof=1) / b.size
    variance = share_a + share_b
    if variance <= 1e-18:
        return chance, *_newcombe(chance, a.size, b.size, level)
    from scipy.special import expit, logit

    freedom = variance**2 / (share_a**2 / (a.size - 1) + share_b**2 / (b.size - 1))
    reach = students_reach(freedom, level) * math.sqrt(variance) / (chance * (1 - chance))
    return chance, float(expit(logit(chance) - reach)), float(expit(logit(chance) + reach))


def midcounts(ordered: Floats, values: Floats) -> Floats:
    """How many of `ordered` lie below each value, ties half."""
    return (ordered.searchsorted(values, "left") + ordered.searchsorted(values, "right")) / 2


def _newcombe(chance: float, n_a: int, n_b: int, level: float) -> tuple[float, float]:
    """Values θ whose Hanley–McNeil standard error, taken at θ itself, puts `chance` within reach."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    mean_n = (n_a + n_b) / 2

    def excess(theta: float) -> float:
        """Above 0 where the distance from `chance` exceeds z standard errors."""
        growth = 1 + (mean_n - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (theta - chance) ** 2 - z**2 * theta * (1 - theta) * growth / (n_a * n_b)

    inside = min(max(chance, 1e-9), 1 - 1e-9)
    low = brentq(excess, 1e-15, inside) if chance > 0 else 0.0
    high = brentq(excess, inside, 1 - 1e-15) if chance < 1 else 1.0
    return float(low), float(high)

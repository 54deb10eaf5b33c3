"""The two-sample Kolmogorov–Smirnov test, exact also where errors are tied.

Errors are shares of so many images, so equal ones are common, and the usual p-value, which supposes none, is then far
too high. Given the pooled errors, every choice of n_a of them for a is as likely as any other if the populations are
alike. The choice is a walk: at each pooled error, in ascending order, a or b steps. The curves can be compared only
where a run of equal errors ends, and p is the chance of a walk that is there at least as far apart as observed.
"""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from dsx.base.errors import DsxError, one_of
from dsx.results.arrays import Floats
from dsx.results.samples import Errors, as_sample

Alternative = Literal["two-sided", "greater", "less"]
# above this many models in either sample p is that of the limit of many models
EXACT = 10_000
# a limit's p-value below this is not simulated: it is sure enough, and only errs upwards
_SMALL = 0.002
_BRIDGES = 4000


def ks_test(errors_a: Errors, errors_b: Errors, alternative: Alternative = "two-sided") -> tuple[float, float]:
    """Largest distance of the two EDFs and its p-value (two-sample Kolmogorov–Smirnov): (distance, p).

    alternative: `two-sided`; `greater`, the largest F_a − F_b; `less`, the largest F_b − F_a. Exact up to 10,000
    models of each, with ties or without (Schröer and Trenkler 1995); above, that of the limit of many models, with
    ties by simulation (seeded). NDS §3.1. Raises DsxError for another alternative.
    """
    if alternative not in get_args(Alternative):
        raise DsxError(f"alternative = {alternative!r}: {one_of(alternative, get_args(Alternative))}")
    a, b = as_sample(errors_a, "a"), as_sample(errors_b, "b")
    ends, sizes = np.unique(np.concatenate([a, b]), return_counts=True)
    tied = ends.size < a.size + b.size
    if tied and max(a.size, b.size) <= EXACT:
        return _exact(a, b, ends, np.cumsum(sizes), alternative)
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful")  # it falls back by itself
        result = ks_2samp(a, b, alternative)
    distance, pvalue = float(result.statistic), float(result.pvalue)
    if tied and pvalue > _SMALL:
        shares = np.cumsum(sizes) / (a.size + b.size)
        scale = np.sqrt(a.size * b.size / (a.size + b.size))
        pvalue = min(pvalue, _limit(shares, distance * scale, alternative))
    return distance, pvalue


def _exact(
    a: Floats, b: Floats, ends: Floats, steps: npt.NDArray[np.intp], alternative: Alternative
) -> tuple[float, float]:
    """Distance and p of tied errors. ends: the distinct errors; steps: how many errors lie at or below each."""
    n_a, n_b = a.size, b.size
    at_a = np.searchsorted(np.sort(a), ends, side="right")
    # counted in whole numbers, in units of 1/(n_a n_b)
    reach = int(_apart(at_a * n_b - (steps - at_a) * n_a, alternative).max(initial=0))
    if reach == 0:
        return 0.0, 1.0
    # chance[i]: that i of the errors so far are of a, without having been that far apart; 0 outside low … high
    chance, count = np.zeros(n_a + 1), np.arange(n_a + 1, dtype=np.float64)
    chance[0], low, high, walked, pvalue = 1.0, 0, 0, 0, 0.0
    for step in steps.tolist():
        for k in range(walked, step):
            now = chance[low : high + 1]
            now /= n_a + n_b - k
            moved = now * (n_a - count[low : high + 1])
            now *= (n_b - k) + count[low : high + 1]
            high = min(high + 1, n_a)
            chance[low + 1 : high + 1] += moved[: high - low]
        walked, now = step, chance[low : high + 1]
        apart = _apart(count[low : high + 1] * (n_a + n_b) - step * n_a, alternative) >= reach
        pvalue += float(now[apart].sum())
        now[apart] = 0.0
        inside = np.flatnonzero(now)
        if inside.size == 0:
            break
        low, high = low + int(inside[0]), low + int(inside[-1])
    return reach / (n_a * n_b), min(pvalue, 1.0)


def _apart(difference: np.ndarray, alternative: Alternative) -> np.ndarray:
    """How far F_a − F_b lies in the direction of the alternative."""
    return {"two-sided": np.abs(difference), "greater": difference, "less": -difference}[alternative]


def _limit(shares: Floats, reach: float, alternative: Alternative) -> float:
    """Chance that a Brownian bridge, looked at where runs of equal errors end, is at least `reach` apart somewhere."""
    rng = np.random.default_rng([0, 8])
    spread = np.sqrt(np.diff(shares, prepend=0.0))
    beyond, at_once = 0, max(1, 2_000_000 // shares.size)
    for start in range(0, _BRIDGES, at_once):
        walk = np.cumsum(rng.normal(size=(min(at_once, _BRIDGES - start), shares.size)) * spread, axis=1)
        bridge = walk - shares * walk[:, -1:]
        beyond += int((_apart(bridge, alternative).max(axis=1) >= reach).sum())
    return (1 + beyond) / (1 + _BRIDGES)

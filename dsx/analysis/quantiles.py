"""Quantiles of the error distribution with intervals from order statistics, exact for any distribution."""

from __future__ import annotations

import math

import numpy as np

from dsx.analysis.bootstrap import differences, percentile_interval, resampled_quantiles
from dsx.base.errors import DsxError
from dsx.results.arrays import check_level
from dsx.results.samples import Errors, as_sample


def quantile(errors: Errors, q: float) -> float:
    """The q-quantile in percent, linear between order statistics. q in [0, 1]. Raises DsxError otherwise."""
    _check_q(q)
    return float(np.quantile(as_sample(errors), q))


def quantile_interval(errors: Errors, q: float = 0.5, level: float = 0.95) -> tuple[float, float]:
    """Interval of the q-quantile between two order statistics: at least `level` for any distribution.

    errors: (n,) percent; 0 < q < 1. Conservative, since ranks are whole numbers: the median of 24 models is
    held with probability 0.977, of 400 with 0.960. The number of errors below the quantile is binomial(n, q), so the
    ends are its (1 − level)/2 tails; no resampling. An end is NaN where n is too small to have one
    (the median needs 6 models at 95 %). Raises DsxError for a q outside (0, 1).
    """
    from scipy.special import bdtr

    _check_q(q, inner=True)
    ordered = np.sort(as_sample(errors))
    n, tail = ordered.size, (1 - check_level(level)) / 2
    cumulative = bdtr(np.arange(n), n, q)  # P(at most k errors below the quantile), k = 0 … n−1
    # low = x_(l): wrong if fewer than l errors lie below the quantile
    l_rank = int(np.searchsorted(cumulative, tail, side="right"))  # the largest l with P(≤ l−1) ≤ tail
    # high = x_(u): wrong if u or more lie below it
    u_rank = int(np.searchsorted(cumulative, 1 - tail - 1e-12, side="left")) + 1  # the smallest u with P(≥ u) ≤ tail
    low = float(ordered[l_rank - 1]) if l_rank >= 1 else math.nan
    high = float(ordered[u_rank - 1]) if u_rank <= n else math.nan
    return low, high


def interpolated_median_interval(values: Errors, level: float = 0.95) -> tuple[float, float]:
    """Interval of the median between the order statistics of the two nearest levels (Hettmansperger and Sheather 1986).

    values: (n,) of any sign. `quantile_interval` of few values holds the median far more often than it says, of ten
    with 0.979; this one as often as it says, nearly, whatever the distribution. NaN where no order statistics reach
    `level`: it takes 6 values at 95 %.
    """
    from scipy.special import bdtr

    ordered = np.sort(as_sample(values))
    n = ordered.size
    # by the ends x_(k) and x_(n+1−k), for k = 1 … ⌊n/2⌋
    held = 1 - 2 * bdtr(np.arange(n // 2), n, 0.5)
    k = int((held >= check_level(level)).sum())
    if k == 0:
        return math.nan, math.nan
    inwards = 0.0
    if k < held.size:
        short = (held[k - 1] - level) / (held[k - 1] - held[k])
        inwards = float((n - k) * short / (k + (n - 2 * k) * short))
    low, high = ((1 - inwards) * ordered[at] + inwards * ordered[at + step] for at, step in ((k - 1, 1), (n - k, -1)))
    return float(low), float(high)


def min_interval(errors: Errors, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the lowest error: from the lowest seen to a few models above it.

    errors: (n,) percent. It says how far the minimum hangs on the few best models: a resample's minimum
    lies in it with probability above (1 + level)/2, as none falls below; conservative therefore. It is no
    interval for the lowest error that the space can reach: nothing below the data follows from them.
    Exact: P(min of a resample > k-th lowest) = (1 − k/n)^n. (NaN, NaN) for a single model, and where both ends
    are equal since the lowest errors are tied: that tells of the errors' resolution, not of certainty.
    """
    ordered = np.sort(as_sample(errors))
    n, tail = ordered.size, (1 - check_level(level)) / 2
    if n < 2:
        return math.nan, math.nan
    survival = (1 - np.arange(1, n + 1) / n) ** n
    low, high = float(ordered[0]), float(ordered[int(np.argmax(survival <= tail))])
    return (math.nan, math.nan) if low == high else (low, high)


def quantile_difference(
    errors_a: Errors, errors_b: Errors, q: float = 0.5, level: float = 0.95
) -> tuple[float, float, float]:
    """The q-quantile of a less that of b, in points, with its percentile bootstrap interval: (difference, low, high).

    0 < q < 1 and not extreme: some ten models should lie on either side of it. The interval is
    (NaN, NaN) if either has a single model. Swapping a and b mirrors it.
    """
    _check_q(q, inner=True)
    a, b = as_sample(errors_a, "a"), as_sample(errors_b, "b")
    check_level(level)
    difference = float(np.quantile(a, q) - np.quantile(b, q))
    if min(a.size, b.size) < 2:
        return difference, math.nan, math.nan
    low, high = percentile_interval(differences(resampled_quantiles(a, q), resampled_quantiles(b, q)), level)
    return difference, low, high


def _check_q(q: float, inner: bool = False) -> None:
    if not (0 < q < 1 if inner else 0 <= q <= 1):
        raise DsxError(f"q = {q}: a quantile lies {'strictly ' if inner else ''}between 0 and 1")

"""The trimmed mean: the mean without the lowest and the highest fifth, which a few diverged models do not move."""

from __future__ import annotations

import math

import numpy as np

from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample

# left out at either end
SHARE = 0.2


def trimmed_mean(errors: Errors, share: float = SHARE) -> float:
    """Mean of the errors without ⌊share · n⌋ of them at either end. errors: (n,) percent. 0 ≤ share < ½."""
    return float(_middle(np.sort(as_sample(errors)), _check(share)).mean())


def trimmed_mean_difference(
    errors_a: Errors, errors_b: Errors, share: float = SHARE, level: float = 0.95
) -> tuple[float, float, float]:
    """The trimmed mean of a less that of b, in points, with its interval: (difference, low, high).

    errors: (n,) percent each. Interval: Student's, with the variance of the winsorised errors (Yuen 1974), of the
    difference of the two distributions' own trimmed means; conservative for few models with far tails. (NaN, NaN)
    where fewer than two errors are left of either, and where those that are left do not vary. Swapping a and b
    mirrors it. Raises DsxError for a share.
    """
    a, b = np.sort(as_sample(errors_a, "a")), np.sort(as_sample(errors_b, "b"))
    difference = float(_middle(a, _check(share)).mean() - _middle(b, share).mean())
    left = [_middle(errors, share).size for errors in (a, b)]
    check_level(level)
    if min(left) < 2:
        return difference, math.nan, math.nan
    variances = [_variance(errors, share) for errors in (a, b)]
    if sum(variances) <= 0:
        return difference, math.nan, math.nan
    freedom = sum(variances) ** 2 / sum(v**2 / (size - 1) for v, size in zip(variances, left, strict=True))
    reach = float(students_reach(freedom, level)) * math.sqrt(sum(variances))
    return difference, difference - reach, difference + reach


def _middle(ordered: Floats, share: float) -> Floats:
    out = math.floor(share * ordered.size)
    return ordered[out : ordered.size - out]


def _variance(ordered: Floats, share: float) -> float:
    """Of the trimmed mean, from the errors with the ends drawn in to the outermost that are left."""
    left = _middle(ordered, share)
    winsorised = np.clip(ordered, left[0], left[-1])
    return float(winsorised.var(ddof=1)) * (ordered.size - 1) / (left.size * (left.size - 1))


def _check(share: float) -> float:
    if not 0 <= share < 0.5:
        raise DsxError(f"share = {share}: expected what to leave out at either end, at least 0 and below 0.5")
    return share

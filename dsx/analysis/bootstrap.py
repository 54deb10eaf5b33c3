"""Bootstrap intervals for the mean, the minimum and quantiles, and for their differences.

The resamples are those of drawing n models from the n with replacement, seeded, so that the same
errors give the same interval anywhere. Means are resampled; for quantiles and the minimum the
distribution of a resampled order statistic is known (its rank is n times a Beta variable), so that
it is drawn directly, for 100,000 models as fast as for ten.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample

RESAMPLES = 4000
# above this many models the mean's resampling distribution is normal to well below its own width
LARGE = 5000
# up to this many models the resamples are kept and shared by all populations of as many: 16 MB at 500
_SHARED = 500


def resampled_means(errors: Floats, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Means of `resamples` samples of n drawn with replacement: (resamples,) percent.

    errors: (n,) percent, in any order: the same errors give the same means. Above 5,000 models they are drawn from
    the normal limit instead.
    """
    values = np.sort(errors)
    n = values.size
    rng = np.random.default_rng([seed, 1])
    if n > LARGE:
        return rng.normal(values.mean(), values.std() / math.sqrt(n), resamples)
    if n <= _SHARED:
        means: Floats = _counts(n, resamples, seed) @ values / n
        return np.clip(means, values.min(), values.max())
    means = np.empty(resamples)
    step = max(1, 2_000_000 // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        chosen = rng.integers(0, n, (rows, n), dtype=np.uint16)
        means[start : start + rows] = values[chosen].mean(axis=1)
    return means


@lru_cache(maxsize=4)
def _counts(n: int, resamples: int, seed: int) -> Floats:
    """(resamples, n) how often each of n models is drawn: the same for all populations of n, so it is kept."""
    chosen = np.random.default_rng([seed, 1]).integers(0, n, (resamples, n), dtype=np.uint16)
    flat = chosen + n * np.arange(resamples)[:, None]
    return np.bincount(flat.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)


def resampled_quantiles(errors: Floats, q: float, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """The q-quantile of `resamples` samples of n drawn with replacement: (resamples,) percent.

    errors: (n,) percent; q in [0, 1], 0 the minimum, 0.5 the median. The quantile interpolates
    linearly between order statistics, as numpy's does. Exact in distribution: the k-th lowest of a
    resample is the sorted errors' element ⌈n·U⌉ with U ~ Beta(k, n − k + 1).
    """
    ordered = np.sort(errors)
    n = ordered.size
    rng = np.random.default_rng([seed, 2])
    position = (n - 1) * q
    k = min(math.floor(position), n - 1)  # 0-based rank of the lower neighbour
    fraction = position - k
    if fraction == 0:
        return ordered[_ranks(rng.beta(k + 1, n - k, resamples), n)]
    upper = rng.beta(k + 2, n - k - 1, resamples)
    lower = upper * rng.random(resamples) ** (1 / (k + 1))  # the next lower of uniform order statistics
    below, above = ordered[_ranks(lower, n)], ordered[_ranks(upper, n)]
    return below + fraction * (above - below)


def mean_interval(
    errors: Errors, level: float = 0.95, seed: int = 0, means: Floats | None = None
) -> tuple[float, float]:
    """Interval of the mean error by the bootstrap: bias-corrected, accelerated, widened for small n.

    errors: (n,) percent. BCa (Efron 1987) corrects for skewness and never leaves the range of the
    errors, which matters when a diverged model stands far out; its normal quantiles are replaced by
    Student's times √(n/(n − 1)) (Hesterberg 2015), without which it covers too seldom below some 50
    models. The order of the errors does not matter. means: `resampled_means` of the same errors, if at hand.
    (NaN, NaN) for a single model.
    """
    values = np.sort(as_sample(errors))
    check_level(level)
    n = values.size
    if n < 2:
        return math.nan, math.nan
    replicates = resampled_means(values, seed=seed) if means is None else means
    influence = (values - values.mean()) / n
    return bca_interval(replicates, float(values.mean()), influence, level, n - 1.0, math.sqrt(n / (n - 1)))


def mean_difference_interval(
    errors_a: Errors,
    errors_b: Errors,
    level: float = 0.95,
    means_a: Floats | None = None,
    means_b: Floats | None = None,
) -> tuple[float, float]:
    """Interval of mean(a) − mean(b), by the same bootstrap as `mean_interval`, with Welch's degrees of freedom.

    Swapping a and b mirrors the interval exactly. (NaN, NaN) if either has a single model.
    """
    a, b = np.sort(as_sample(errors_a, "a")), np.sort(as_sample(errors_b, "b"))
    check_level(level)
    if min(a.size, b.size) < 2:
        return math.nan, math.nan
    replicates = differences(
        resampled_means(a) if means_a is None else means_a, resampled_means(b) if means_b is None else means_b
    )
    influence = np.concatenate([(a - a.mean()) / a.size, (b.mean() - b) / b.size])
    share_a, share_b = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
    if share_a + share_b <= 1e-24 * max(1.0, float(np.mean(a) ** 2)):
        return float(a.mean() - b.mean()), float(a.mean() - b.mean())
    freedom = (share_a + share_b) ** 2 / (share_a**2 / (a.size - 1) + share_b**2 / (b.size - 1))
    widen = math.sqrt((share_a + share_b) / (share_a * (1 - 1 / a.size) + share_b * (1 - 1 / b.size)))
    return bca_interval(replicates, float(a.mean() - b.mean()), influence, level, freedom, widen)


def bca_interval(
    replicates: Floats, estimate: float, influence: Floats, level: float, freedom: float, widen: float
) -> tuple[float, float]:
    """The BCa interval from bootstrap replicates of a statistic.

    influence: each observation's influence on the estimate, for the acceleration Σu³ / 6(Σu²)^1.5.
    freedom, widen: the normal quantiles become Student's with that many degrees, times `widen`.
    """
    from scipy.special import ndtr, ndtri, stdtrit

    spread = float(np.sum(influence**2))
    if spread <= 1e-24 * max(1.0, estimate**2):  # all equal, up to rounding
        return estimate, estimate
    acceleration = float(np.sum(influence**3)) / (6 * spread**1.5)
    below = (np.sum(replicates < estimate) + 0.5 * np.sum(replicates == estimate)) / replicates.size
    bias = float(ndtri(np.clip(below, 1 / replicates.size, 1 - 1 / replicates.size)))
    shares = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = float(stdtrit(freedom, tail)) * widen
        scale = 1 - acceleration * (bias + z)
        # beyond this point the correction has no meaning; the replicates' own end is the limit
        shifted = bias + (bias + z) / scale if scale > 0 else math.copysign(math.inf, z)
        shares.append(float(ndtr(shifted)))
    low, high = np.quantile(replicates, sorted(shares))
    return float(low), float(high)


def differences(replicates_a: Floats, replicates_b: Floats) -> Floats:
    """Replicates of a − b from those of a and of b, made independent by pairing first with last."""
    return replicates_a - replicates_b[::-1]


def percentile_interval(replicates: Floats, level: float) -> tuple[float, float]:
    """The central `level` share of the replicates."""
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _ranks(u: Floats, n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """0-based index ⌈n·u⌉ − 1 of the sorted errors for uniform variables u."""
    return np.clip(np.ceil(n * u).astype(np.int64) - 1, 0, n - 1)

"""The lowest error to expect of k models, from n ≥ k: unbiased, with an interval that holds up to k = n.

Of k models drawn from the n without replacement, the mean of the lowest error is a U-statistic: whatever
the distribution, its own mean is the expected lowest error of k fresh models. Nothing is said beyond n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsx.analysis.bootstrap import models_for_mean
from dsx.analysis.search import numbers_tried
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample

# the errors below the best one seen are taken to reach as far down as the best of so many further ones lie above
_REACH = 8
_DRAWS = 2_000


@dataclass(frozen=True, eq=False)
class BestOfK:
    """Lowest error of k models, for several k ≤ n. k: (m,). expected: (m,) percent, unbiased.

    low, high: (m,) interval of the expected lowest error, conservative: at 0.95 it holds it in 95–100 % of
    populations, whatever the law; NaN for a single model, and for k = 1, the mean, of fewer than `models_for_mean`.
    deviation: (m,) standard deviation of the lowest error of single searches, k of these models drawn without
    replacement. n: models.
    """

    k: npt.NDArray[np.int64]
    expected: Floats
    low: Floats
    high: Floats
    n: int
    level: float
    deviation: Floats = field(default_factory=lambda: np.empty(0))


def best_of_k(
    errors: Errors, k: Sequence[int] | None = None, level: float = 0.95, lowest: float = 0.0, seed: int = 0
) -> BestOfK:
    """The expected lowest error of k models and its interval.

    errors: (n,) percent; NaN is left out with a warning. k: integers from 1 to n, by default 1, 2, 4 … and n.
    lowest: the lowest error possible. Interval: the shares of the distribution at the n errors are
    those of uniform order statistics, drawn `_DRAWS` times; between two errors the distribution may be
    anywhere, so the low end puts each share at the lower of them, the high end at the upper. Below the best error
    it is taken to reach no further down than 8 further models reach up. Source of the bands: Wilks (1948).
    Raises DsxError for a k below 1 or above n.
    """
    ordered = np.sort(as_sample(errors))
    n = ordered.size
    tries = _tries(k, n)
    check_level(level)
    expected, squares = np.array([_over_choices(ordered, int(j), (1, 2)) for j in tries]).T
    # of all n models there is one search
    deviation = np.where(tries < n, np.sqrt(np.maximum(squares - expected**2, 0.0)), 0.0)
    low, high = np.full(tries.size, math.nan), np.full(tries.size, math.nan)
    if n > 1:
        lower, upper, share = _bracket(ordered, lowest, seed)
        tail = (1 - level) / 2
        for i, tried in enumerate(tries):
            if tried > 1 or n >= models_for_mean(level):
                mass = -np.diff((1 - share) ** float(tried), axis=1, prepend=1.0, append=0.0)
                low[i] = min(float(np.quantile(mass @ lower, tail)), expected[i])
                high[i] = max(float(np.quantile(mass @ upper, 1 - tail)), expected[i])
    return BestOfK(tries, expected, low, high, n, level, deviation)


def _over_choices(ordered: Floats, k: int, powers: Sequence[int]) -> Floats:
    """Means of the lowest error's powers over all ways to choose k of the n models. ordered: (n,) ascending.

    P(all k lie above the i-th) = C(n − i, k) / C(n, k).
    """
    from scipy.special import gammaln

    n = ordered.size
    left = np.arange(n, -1, -1, dtype=np.float64)  # n − i, i = 0 … n
    possible = left >= k
    above = np.zeros(n + 1)
    log_ways = gammaln(left[possible] + 1) - gammaln(left[possible] - k + 1)
    above[possible] = np.exp(log_ways - log_ways[0])
    values = [ordered**power for power in powers]
    return np.array([v[0] + np.diff(v) @ above[1:-1] for v in values])


def _tries(k: Sequence[int] | None, n: int) -> npt.NDArray[np.int64]:
    if k is None:
        return np.unique([2**i for i in range(n.bit_length()) if 2**i <= n] + [n]).astype(np.int64)
    tries = numbers_tried(k)
    if (tries > n).any():
        few = f"there {'is' if n == 1 else 'are'} {plural(n, 'model')}"
        raise DsxError(f"k = {int(tries.max())}: {few}: what more would reach does not follow from them")
    return tries


def _bracket(ordered: Floats, lowest: float, seed: int) -> tuple[Floats, Floats, Floats]:
    """Values that bracket the errors between G ranks, (G + 1,) each, and the drawn shares at those ranks (draws, G).

    The ranks are all up to 50, and above each some 2 % more than the one before, so that a million take no longer;
    between two of them the models' mean stands for them.
    """
    n = ordered.size
    ranks = [1]
    while ranks[-1] < n:
        ranks.append(min(n, ranks[-1] + max(1, ranks[-1] // 50)))
    steps = np.diff(np.array(ranks), prepend=0)
    rng = np.random.default_rng([seed, 9])
    spacings = rng.standard_gamma(np.append(steps, 1), (_DRAWS, steps.size + 1))
    total = np.cumsum(spacings, axis=1)
    share = total[:, :-1] / total[:, -1:]
    gaps = np.diff(np.unique(ordered))
    step = max(float(ordered[min(_REACH, n - 1)] - ordered[0]), float(gaps.min()) if gaps.size else 0.0)
    below = max(min(lowest, float(ordered[0])), float(ordered[0]) - step)
    starts = np.array([0, *ranks[:-1]])
    upper = np.add.reduceat(ordered, starts) / steps
    lower = np.add.reduceat(np.concatenate([[below], ordered[:-1]]), starts) / steps
    return np.append(lower, ordered[-1]), np.append(upper, ordered[-1]), share

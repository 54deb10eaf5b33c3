"""The share of an outcome's variance that a least-squares fit accounts for, with its standard error and interval.

Where models are drawn at random, the share varies more than the noncentral F distribution says, which takes the
features for given; the more so the larger it is, and where few models, such as diverged ones, are far from the fit. So
that distribution's interval is widened by what the share's influence function tells of its standard error.
"""

from __future__ import annotations

import numpy as np

from dsx.results.arrays import Floats


def r_squared(features: Floats, scores: Floats) -> Floats:
    """(repeats,) share of the scores' variance that a least-squares fit on the features accounts for.

    features: (repeats or 1, n, k), scores: (n,) or (repeats, n).
    """
    centred = features - features.mean(axis=1, keepdims=True)
    y = np.atleast_2d(scores)
    y = y - y.mean(axis=1, keepdims=True)
    gram = np.einsum("rnk,rnl->rkl", centred, centred)
    # a little is added so that features that agree (few values) do no harm
    ridge = 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12
    moment = np.swapaxes(centred, 1, 2) @ y[..., None]
    fitted = np.linalg.solve(gram + ridge * np.eye(gram.shape[-1]), moment)
    total = (y**2).sum(axis=1)
    explained = (fitted * moment).sum(axis=(1, 2))
    return np.where(total > 0, explained / np.where(total > 0, total, 1), 0.0)


def r_squared_influence(features: Floats, scores: Floats, ranked: bool = False) -> Floats:
    """(n,) what each model adds to the share, mean 0: its empirical influence.

    features: (n, k); scores: (n,) not all equal. ranked: whether the scores are midranks (times any factor), each of
    which depends on all models.
    """
    x, y = features - features.mean(axis=0), scores - scores.mean()
    variance = float((y**2).mean())
    basis, sizes, _ = np.linalg.svd(x, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * max(sizes.max(), 1e-300)]
    fit = basis @ (basis.T @ y)
    share = float((fit**2).mean()) / variance
    # a model far out draws the fit to itself: it is told by the fit of all others
    missed = (y - fit) / np.clip(1 - 1 / len(y) - (basis**2).sum(axis=1), 1e-3, 1)
    influence = ((1 - share) * y**2 - missed**2) / variance
    if ranked:
        influence = influence + _by_rank(2 * (fit - share * y) / variance, scores)
    return np.asarray(influence - influence.mean())


def _by_rank(slopes: Floats, ranks: Floats) -> Floats:
    """(n,) what one more model at each model's place adds by moving the ranks of all those behind it.

    slopes: (n,) of the share, times n, by each score.
    """
    from scipy.stats import rankdata

    n = len(ranks)
    ordered = np.sort(ranks)
    before = np.concatenate([[0.0], np.cumsum(slopes[np.argsort(ranks, kind="stable")])])
    first, last = (np.searchsorted(ordered, ranks, side=side) for side in ("left", "right"))
    behind = before[-1] - before[last] + 0.5 * (before[last] - before[first])
    # the score's change where a rank changes by n
    step = float(ranks.std() / (rankdata(ranks) / n).std())
    return np.asarray(step * behind / n)


def r_squared_interval(
    share: float, influence: Floats, features: int, others: int, level: float
) -> tuple[float, float]:
    """Interval of the share that `features` terms of a fit account for; conservative where it is small.

    share: of the variance that `others`, further terms of the fit, the constant included, leave. influence: (n,) of the
    share, as of `r_squared_influence`. The ends of the noncentral F distribution are moved apart, on the scale of
    Cohen's f, by the ratio of the standard error to that of normal errors with given features, at the least by that of
    features that are normal too; and by Student's t, whose degrees of freedom fall with the kurtosis of the influence
    (Satterthwaite).
    """
    from scipy.special import stdtrit

    n = len(influence)
    freedom = n - features - others
    if freedom < 1 or share >= 1 - 1e-12:
        return share, 1.0
    low, high = _noncentral_f(share / (1 - share) * freedom / features, (features, freedom), n, level)
    square = influence**2
    # near 0 the standard errors vanish both, and chance alone accounts for a share
    by_chance = features / freedom
    given = 2 * (1 - share) * np.sqrt((share + by_chance) * (1 - share / 2) / n)
    wider = max(float(np.sqrt(square.sum() / n / freedom)) / given, np.sqrt(2 / (2 - share)))
    kurtosis = float((square**2).mean() / square.mean() ** 2) if square.any() else 3.0
    sure = min(freedom, max(2 * n / max(kurtosis - 1, 1e-9), 2.0))
    wider *= float(stdtrit(sure, (1 + level) / 2) / stdtrit(np.inf, (1 + level) / 2))
    middle = float(np.sqrt(share / (1 - share)))
    lowest = max(middle - wider * max(middle - low, 0.0), 0.0) if low else 0.0
    highest = middle + wider * max(high - middle, 0.0)
    return lowest**2 / (1 + lowest**2), highest**2 / (1 + highest**2)


def _noncentral_f(ratio: float, freedom: tuple[int, int], n: int, level: float) -> tuple[float, float]:
    """Cohen's f at which an F ratio stays below this one with the chance of either tail; 0 where it never does."""
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    most = 50.0 * n * ratio * freedom[0] / freedom[1] + 200.0

    def end(tail: float) -> float:
        if ncfdtr(*freedom, 0.0, ratio) <= tail:
            return 0.0
        # far beyond, the distribution's value is lost to rounding: NaN, where it is 0
        noncentrality = brentq(lambda nc: np.nan_to_num(ncfdtr(*freedom, nc, ratio)) - tail, 0.0, most)
        return float(np.sqrt(noncentrality / n))

    return end((1 + level) / 2), end((1 - level) / 2)

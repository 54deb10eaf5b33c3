"""What can be read off an error distribution, with intervals: the share below an error, the area, a pointwise band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsx.analysis.bootstrap import mean_interval
from dsx.analysis.edf import edf
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample, as_weighted

_POINTS = 2000


def share_below(errors: Errors, e: float, level: float = 0.95) -> tuple[float, float, float]:
    """F(e), the share of models with error strictly below e, with its interval: (share, low, high).

    errors: (n,) percent. Interval: Clopper and Pearson's, exact: it covers with probability ≥ level
    for any distribution, at this one e chosen beforehand.
    """
    values = as_sample(errors)
    below = int((values < e).sum())
    return below / values.size, *exact_interval(below, values.size, level)


def exact_interval(count: int, n: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval for the chance of what happened `count` times of n: (low, high)."""
    from scipy.special import betaincinv

    tail = (1 - check_level(level)) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return low, high


def area(
    errors: Errors, limit: float, weights: npt.ArrayLike | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Area under the EDF up to an error, as a share: (1/limit) ∫₀^limit F(e) de, with its interval: (area, low, high).

    errors: (n,) percent; limit > 0 percent. Equal to 1 − Σ wᵢ min(1, eᵢ/limit); near 1 is good.
    Interval: that of a mean (`mean_interval`); with weights that of the weighted deviations from the
    area, which takes the weights as given. NDS §3. Raises DsxError if limit ≤ 0.
    """
    if limit <= 0:
        raise DsxError(f"limit = {limit}: the area is taken up to an error above 0 %")
    values, w = as_weighted(errors, weights)
    terms = 1 - np.minimum(1, values / limit)
    share = float(terms.mean())
    if w is not None:
        share = float(terms @ w)
        terms = share + (terms - share) * w * terms.size
    low, high = mean_interval(terms, level)
    return share, max(low, 0.0), min(high, 1.0)


def pointwise_band(errors: Errors, weights: npt.ArrayLike | None = None, level: float = 0.95) -> tuple[Floats, Floats]:
    """Bootstrap band of F, valid at any one error but not at all at once: (lower, upper) at the sorted errors.

    errors: (n,) percent. It is narrower than the simultaneous band of `edf` and must not be read as
    holding the whole curve. The bootstrap is inverted (Carpenter 1999), as the plain percentiles hold
    too little where few models are on one side: the ends are the shares from which a resample exceeds
    the observed one, ties half, with probability (1 ± level)/2. A resampled share is binomial, so
    nothing is simulated. With weights n is replaced by the smaller of Kish's effective number and the
    one that the weights below and above this error leave, p(1 − p)/Σ w²(1 − p)².
    """
    values, w = as_weighted(errors, weights)
    curve = edf(values, w, level)
    share, n = curve.probability, np.full(curve.n, curve.effective_n)
    if w is not None:
        w = w[np.argsort(values, kind="stable")]
        first = np.searchsorted(curve.error, curve.error, side="left")
        squares = np.append(0.0, np.cumsum(w**2))
        below = squares[first]
        variance = below * (1 - share) ** 2 + (squares[-1] - below) * share**2
        inside = (share > 0) & (variance > 0)
        n[inside] = np.minimum(n, share * (1 - share) / np.where(inside, variance, 1))[inside]
    tail = (1 - check_level(level)) / 2
    return _inverted(share, n, tail), 1 - _inverted(1 - share, n, tail)


def _inverted(share: Floats, n: Floats, tail: float) -> Floats:
    """The true share from which binomial(n, ·)/n exceeds `share`, ties half, with probability `tail`; 0 for 0."""
    from scipy.special import betainc, betaincinv

    # a long curve is worked out at some points and joined: neighbours differ by less than its pixels
    at = np.unique(np.linspace(0, share.size - 1, min(share.size, _POINTS)).astype(int))
    count, n = share[at] * n[at], n[at]
    none, rest = np.maximum(count, 1e-12), np.maximum(n - count, 1e-12)
    # with ties counted whole the end is lower, without them higher
    low, high = betaincinv(none, rest + 1, tail), betaincinv(none + 1, rest, tail)
    for _ in range(10):
        middle = (low + high) / 2
        under = betainc(none, rest + 1, middle) + betainc(none + 1, rest, middle) < 2 * tail
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.interp(np.arange(share.size), at, np.where(count > 0, low, 0.0))

"""What can be read off an error distribution, with intervals: the share below an error, the area, a pointwise band."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsx.analysis.bootstrap import mean_interval
from dsx.analysis.edf import edf
from dsx.analysis.values import Errors, Floats, check_level, error_array, weight_array
from dsx.errors import DsxError


def share_below(errors: Errors, e: float, level: float = 0.95) -> tuple[float, float, float]:
    """F(e), the share of models with error strictly below e, with its interval: (share, low, high).

    errors: (n,) percent. Interval: Clopper and Pearson's, exact: it covers with probability ≥ level
    for any distribution, at this one e chosen beforehand.
    """
    from scipy.special import betaincinv

    values = error_array(errors)
    n, below, tail = values.size, int((values < e).sum()), (1 - check_level(level)) / 2
    low = float(betaincinv(below, n - below + 1, tail)) if below > 0 else 0.0
    high = float(betaincinv(below + 1, n - below, 1 - tail)) if below < n else 1.0
    return below / n, low, high


def area(errors: Errors, limit: float, weights: Any = None, level: float = 0.95) -> tuple[float, float, float]:
    """Area under the EDF up to an error, as a share: (1/limit) ∫₀^limit F(e) de, with its interval: (area, low, high).

    errors: (n,) percent; limit > 0 percent. Equal to 1 − Σ wᵢ min(1, eᵢ/limit); near 1 is good.
    Interval: that of a mean (`mean_interval`); with weights the values are resampled as weighted
    terms, which takes the weights as fixed. NDS §3. Raises DsxError if limit ≤ 0.
    """
    if limit <= 0:
        raise DsxError(f"limit = {limit}: the area is taken up to an error above 0 %")
    terms = 1 - np.minimum(1, error_array(errors) / limit)
    if weights is not None:
        terms = terms * weight_array(weights, terms.size) * terms.size
    low, high = mean_interval(terms, level)
    return float(terms.mean()), low, high


def pointwise_band(
    errors: Errors, weights: Any = None, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Bootstrap band of F, valid at any one error but not at all at once: (lower, upper) at the sorted errors.

    errors: (n,) percent. It is narrower than the simultaneous band of `edf` and must not be read as
    holding the whole curve. Without weights a resampled F(e) is binomial(n, F(e))/n, whose quantiles
    are taken exactly; with weights, `resamples` resamples of models with their weights are drawn.
    """
    values, tail = error_array(errors), (1 - check_level(level)) / 2
    curve = edf(values, weights, level)
    n = values.size
    if weights is None:
        from scipy.stats import binom

        low, high = (np.asarray(binom.ppf(t, n, curve.probability)) / n for t in (tail, 1 - tail))
        return low, high
    w = weight_array(weights, n)[np.argsort(values, kind="stable")]
    first = np.searchsorted(curve.error, curve.error, side="left")
    rng = np.random.default_rng([seed, 3])
    drawn = np.empty((resamples, n))
    for row in drawn:
        mass = np.bincount(rng.integers(0, n, n), minlength=n) * w
        row[:] = np.concatenate([[0.0], np.cumsum(mass / mass.sum())[:-1]])[first]
    lower, upper = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return lower, upper

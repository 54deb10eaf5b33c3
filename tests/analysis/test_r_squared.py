"""The share of a variance, what each model adds to it, and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress, rankdata

from dsx.analysis.r_squared import r_squared, r_squared_influence, r_squared_interval


def terms(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, 2) and an outcome with a few models far out, as where training diverged."""
    rng = np.random.default_rng([11, seed])
    x = rng.uniform(-1, 1, n)
    return np.stack([x, x**2], axis=1), x + rng.gamma(2, 0.3, n) + 80.0 * (rng.random(n) < 0.03)


def test_strength_is_the_share_of_variance_of_a_least_squares_fit() -> None:
    rng = np.random.default_rng(9)
    features, y = rng.normal(size=(3, 30, 2)), rng.normal(size=30)
    design = np.column_stack([np.ones(30), features[1]])
    residuals = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    expected = 1 - residuals.var() / y.var()
    assert r_squared(features, y)[1] == pytest.approx(expected)
    assert r_squared(np.ones((1, 30, 2)), y)[0] == pytest.approx(0, abs=1e-9)


def test_of_one_feature_it_is_the_squared_correlation() -> None:
    features, outcome = terms(40, 0)
    assert r_squared(features[None, :, :1], outcome)[0] == pytest.approx(
        linregress(features[:, 0], outcome).rvalue ** 2
    )
    assert r_squared(features[None], np.ones(40))[0] == 0
    # a feature twice is a feature once
    twice = np.repeat(features[:, :1], 2, axis=1)
    assert r_squared(twice[None], outcome)[0] == pytest.approx(r_squared(features[None, :, :1], outcome)[0], abs=1e-6)
    assert np.isfinite(r_squared_influence(twice, outcome)).all()


@pytest.mark.parametrize("ranked", [False, True])
def test_its_influence_is_the_jackknifes(ranked: bool) -> None:
    features, errors = terms(400, 1)
    if not ranked:
        errors = np.minimum(errors, 5)
    scores = rankdata if ranked else np.asarray
    influence = r_squared_influence(features, scores(errors), ranked)
    whole = r_squared(features[None], scores(errors))[0]
    left_out = [
        r_squared(np.delete(features, i, axis=0)[None], scores(np.delete(errors, i)))[0] for i in range(len(errors))
    ]
    jackknife = (len(errors) - 1) * (whole - np.array(left_out))
    assert np.corrcoef(influence, jackknife)[0, 1] > 0.999
    assert influence.std() == pytest.approx(jackknife.std(), rel=0.02)


def test_of_normal_errors_and_features_the_interval_is_near_fishers() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=400)
    y = x + rng.normal(size=400)
    share = r_squared(x[None, :, None], y)[0]
    low, high = r_squared_interval(share, r_squared_influence(x[:, None], y), 1, 1, 0.95)
    fisher = np.tanh(np.arctanh(np.sqrt(share)) + np.array([-1.96, 1.96]) / np.sqrt(397)) ** 2
    np.testing.assert_allclose([low, high], fisher, atol=0.02)


def test_ends_of_the_interval() -> None:
    assert r_squared_interval(1.0, np.zeros(20), 2, 1, 0.95) == (1.0, 1.0)
    low, high = r_squared_interval(0.01, np.zeros(100), 2, 1, 0.95)
    assert low == 0
    assert 0.01 < high < 0.1
    features, outcome = terms(60, 3)
    share = r_squared(features[None], outcome)[0]
    widths = []
    for level in (0.5, 0.95, 0.999):
        low, high = r_squared_interval(share, r_squared_influence(features, outcome), 2, 1, level)
        assert 0 <= low <= share <= high <= 1
        widths.append(high - low)
    assert widths == sorted(widths)


@pytest.mark.parametrize("share", [1e-30, 1e-6, 1e-3, 0.03, 0.5, 0.99, 1 - 1e-9])
def test_the_share_itself_lies_inside(share: float) -> None:
    # of shares that chance alone exceeds nearly always, too, where the noncentral F distribution has no upper end
    noise = np.random.default_rng(4).normal(size=40)
    for influence in (np.zeros(40), share * noise, noise):
        low, high = r_squared_interval(share, influence, 2, 1, 0.95)
        assert 0 <= low <= share * (1 + 1e-9)
        assert share * (1 - 1e-9) <= high <= 1

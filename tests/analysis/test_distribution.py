from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import area, edf, pointwise_band, share_below
from dsx.base.errors import DsxError


def test_share_below_has_clopper_and_pearsons_interval():
    errors = np.arange(20.0)
    share, low, high = share_below(errors, 7.0)
    oracle = stats.binomtest(7, 20).proportion_ci(0.95, "exact")
    assert share == 0.35
    assert (low, high) == pytest.approx((oracle.low, oracle.high))


def test_no_and_all_models_below_reach_the_ends():
    assert share_below([1.0] * 10, 0.5)[:2] == (0, 0)
    assert share_below([1.0] * 10, 2.0)[::2] == (1, 1)


def test_area_is_the_integral_of_the_curve():
    errors = np.random.default_rng(0).gamma(3, 2, 150)
    weights = np.random.default_rng(1).random(150)
    for w in (None, weights):
        curve = edf(errors, w)
        grid = np.linspace(0, 8, 100_001)
        value, low, high = area(errors, 8.0, w)
        assert value == pytest.approx(np.mean(curve(grid)), abs=1e-3)
        assert low < value < high
    with pytest.raises(DsxError, match=r"limit = 0: the area is taken up to an error above 0 %"):
        area(errors, 0)


def test_pointwise_band_is_that_of_resampled_curves():
    errors = np.random.default_rng(2).gamma(2, 1, 60)
    lower, upper = pointwise_band(errors)
    rng = np.random.default_rng(3)
    drawn = np.sort(errors)[rng.integers(0, 60, (20_000, 60))]
    resampled = (drawn[:, :, None] < np.sort(errors)[None, None, [10, 30, 50]]).mean(axis=1)
    oracle = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert lower[[10, 30, 50]] == pytest.approx(oracle[0], abs=1 / 60 + 1e-9)
    assert upper[[10, 30, 50]] == pytest.approx(oracle[1], abs=1 / 60 + 1e-9)
    assert (upper - lower).max() < 2 * edf(errors).half_width


def test_equal_weights_give_the_unweighted_pointwise_band():
    errors = np.random.default_rng(2).gamma(2, 1, 40)
    for plain, weighted in zip(pointwise_band(errors), pointwise_band(errors, np.ones(40)), strict=True):
        assert weighted == pytest.approx(plain, abs=1.5 / 40)

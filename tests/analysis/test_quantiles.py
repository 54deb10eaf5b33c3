from __future__ import annotations

import numpy as np
import pytest
from error_laws import LAWS
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulated_coverage import coverage

from dsx.analysis import min_interval, quantile, quantile_difference, quantile_interval
from dsx.analysis.quantiles import interpolated_median_interval
from dsx.base.errors import DsxError


@given(st.integers(1, 60), st.floats(0.05, 0.95), st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_ends_are_the_tightest_order_statistics_that_keep_the_level(n, q, level):
    low, high = quantile_interval(np.arange(1, n + 1), q, level)
    below, tail = stats.binom(n, q), (1 - level) / 2
    if np.isfinite(low):
        assert below.cdf(low - 1) <= tail + 1e-12
    if not np.isfinite(low) or low < n:
        assert below.cdf(0 if np.isnan(low) else low) > tail
    if np.isfinite(high):
        assert below.sf(high - 1) <= tail + 1e-9
        assert high == 1 or below.sf(high - 2) > tail - 1e-9
    else:
        assert below.sf(n - 1) > tail


def test_the_interpolated_interval_of_the_median_by_hand():
    # n = 10: ranks 2 and 9 hold it with 1 − 2·11/2¹⁰, 3 and 8 with 1 − 2·56/2¹⁰; so far of the way inwards:
    short = (1 - 22 / 1024 - 0.95) / (90 / 1024)
    inwards = 8 * short / (2 + 6 * short)
    interval = interpolated_median_interval(np.arange(1, 11))
    assert interval == pytest.approx((2 + inwards, 9 - inwards))
    assert interval == pytest.approx((2.658, 8.342), abs=1e-3)
    # n = 6: 1 and 6 with 1 − 2/2⁶, 2 and 5 with 1 − 14/2⁶
    short = (1 - 2 / 64 - 0.95) / (12 / 64)
    inwards = 5 * short / (1 + 4 * short)
    assert interpolated_median_interval(np.arange(-6, 0)) == pytest.approx((-6 + inwards, -1 - inwards))


@given(st.integers(1, 80), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_the_interpolated_interval_lies_between_the_order_statistics_of_both_levels(n, level):
    low, high = interpolated_median_interval(np.arange(1, n + 1), level)
    if 1 - 2 / 2**n < level:
        assert np.isnan([low, high]).all()
        return
    outer = quantile_interval(np.arange(1, n + 1), 0.5, level)
    assert outer[0] <= low <= outer[0] + 1
    assert low + high == pytest.approx(n + 1)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [6, 10, 16, 64, 500])
def test_the_interpolated_interval_holds_whatever_the_law(law, n):
    truth = np.median(LAWS[law](np.random.default_rng(99), 400_000))
    held = coverage(interpolated_median_interval, lambda rng: (LAWS[law](rng, n),), truth, 1000)
    # of coarse errors, many lie on the median itself, and an interval that ends there holds it
    assert held >= 0.93 - 0.015
    assert held <= 0.97 + 0.015 or law == "discrete"


def test_median_interval_of_a_textbook_sample():
    # n = 10: ranks 2 and 9 hold the median with probability 0.9785
    assert quantile_interval(np.arange(1, 11)) == (2, 9)


def test_too_few_models_have_no_interval_of_the_median():
    assert np.isnan(quantile_interval([1.0, 2, 3, 4, 5])).all()
    assert quantile_interval([1.0, 2, 3, 4, 5, 6]) == (1, 6)


def test_quantile_is_numpys():
    errors = np.random.default_rng(0).random(17)
    assert quantile(errors, 0.3) == np.quantile(errors, 0.3)
    with pytest.raises(DsxError, match=r"q = 30: a quantile lies between 0 and 1"):
        quantile(errors, 30)


def test_min_interval_is_that_of_resampled_minima():
    errors = np.random.default_rng(2).gamma(2, 1, 24)
    low, high = min_interval(errors)
    minima = errors[np.random.default_rng(3).integers(0, 24, (100_000, 24))].min(axis=1)
    assert low == errors.min()
    assert np.mean(minima <= high) >= 0.975
    assert np.mean(minima < high) < 0.98


def test_lowest_errors_that_are_tied_have_no_interval():
    assert np.isnan(min_interval([1.0] * 5 + [2.0] * 20)).all()
    assert min_interval([1.0] * 3 + [2.0] * 20) == (1.0, 2.0)


def test_difference_of_single_models_has_no_interval():
    difference, low, high = quantile_difference([3.0], [1.0, 2.0])
    assert difference == 1.5
    assert np.isnan([low, high]).all()


def test_difference_of_quantiles_mirrors():
    rng = np.random.default_rng(5)
    a, b = rng.gamma(2, 1, 60), rng.gamma(2, 1, 80)
    difference, low, high = quantile_difference(a, b, 0.3)
    assert low < difference < high
    assert quantile_difference(b, a, 0.3) == pytest.approx((-difference, -high, -low))

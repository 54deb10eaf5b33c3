from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import mean_difference_interval, mean_interval
from dsx.analysis.bootstrap import difference_interval, grouped_mean_interval, resampled_means, resampled_quantiles


def test_same_errors_give_the_same_interval():
    errors = np.random.default_rng(0).gamma(2, 1, 50)
    assert mean_interval(errors) == mean_interval(errors)


def test_mean_interval_agrees_with_scipys_bca_on_many_models():
    errors = np.random.default_rng(1).gamma(2, 1, 400)
    oracle = stats.bootstrap((errors,), np.mean, rng=np.random.default_rng(2), n_resamples=9999).confidence_interval
    assert mean_interval(errors) == pytest.approx((oracle.low, oracle.high), abs=0.02)


@pytest.mark.parametrize("n", [2, 30, 700])
def test_the_order_of_rows_does_not_matter(n):
    rng = np.random.default_rng(1)
    errors, other = rng.gamma(2, 1, n), rng.gamma(3, 1, 40)
    shuffled = rng.permutation(errors)
    assert mean_interval(shuffled) == mean_interval(errors)
    assert mean_difference_interval(shuffled, other) == mean_difference_interval(errors, other)


def test_difference_interval_agrees_with_scipys_bca_on_many_models():
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, 1, 400), rng.normal(3, 1, 300)
    oracle = stats.bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), rng=np.random.default_rng(2), n_resamples=9999
    ).confidence_interval
    assert mean_difference_interval(a, b) == pytest.approx((oracle.low, oracle.high), abs=0.03)


def test_interval_stays_within_the_errors_when_one_model_diverged():
    errors = np.append(np.linspace(2, 4, 23), 90.0)
    low, high = mean_interval(errors)
    assert 2 <= low < errors.mean() < high < 90


def test_all_equal_errors_have_an_interval_of_no_width():
    assert mean_interval([3.3] * 20) == pytest.approx((3.3, 3.3))
    assert mean_difference_interval([3.3] * 20, [1.1] * 5) == pytest.approx((2.2, 2.2))


def test_one_model_has_no_interval():
    assert np.isnan(mean_interval([3.0])).all()
    assert np.isnan(mean_difference_interval([3.0], [1.0, 2.0])).all()


@pytest.mark.slow
@given(
    st.lists(st.floats(0, 100), min_size=2, max_size=12),
    st.lists(st.floats(0, 100), min_size=2, max_size=12),
)
def test_difference_interval_mirrors_when_the_populations_are_swapped(a, b):
    low, high = mean_difference_interval(a, b)
    assert mean_difference_interval(b, a) == pytest.approx((-high, -low), abs=1e-6)
    assert low <= high


@given(st.lists(st.floats(0, 100), min_size=2, max_size=30))
def test_mean_interval_is_ordered_and_within_the_errors(errors):
    low, high = mean_interval(errors)
    assert min(errors) - 1e-9 <= low <= high <= max(errors) + 1e-9


@pytest.mark.parametrize("q", [0.0, 0.1, 0.5, 0.83])
@pytest.mark.parametrize("n", [1, 7, 30])
def test_quantiles_drawn_directly_have_the_distribution_of_resampled_ones(q, n):
    errors = np.random.default_rng(5).gamma(2, 1, n)
    direct = resampled_quantiles(errors, q, resamples=20_000)
    rng = np.random.default_rng(6)
    simulated = np.quantile(errors[rng.integers(0, n, (20_000, n))], q, axis=1)
    assert stats.ks_2samp(direct.round(9), simulated.round(9)).pvalue > 0.001


def test_large_populations_use_the_normal_limit_of_resampled_means():
    errors = np.random.default_rng(5).gamma(2, 1, 6000)
    means = resampled_means(errors)
    assert means.mean() == pytest.approx(errors.mean(), abs=0.002)
    assert means.std() == pytest.approx(errors.std() / np.sqrt(6000), rel=0.05)


def test_the_mean_of_groups_is_that_of_one_and_agrees_with_scipys_bca_of_two():
    rng = np.random.default_rng(4)
    a, b = rng.gamma(2, 1, 300), rng.gamma(4, 1, 200)
    assert grouped_mean_interval([a], np.ones(1)) == (a.mean(), *mean_interval(a))
    mean, low, high = grouped_mean_interval([a, b], np.array([0.3, 0.7]))
    assert mean == pytest.approx(0.3 * a.mean() + 0.7 * b.mean())
    oracle = stats.bootstrap(
        (a, b), lambda x, y, axis: 0.3 * x.mean(axis) + 0.7 * y.mean(axis), rng=rng, n_resamples=9999
    ).confidence_interval
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.02)
    assert np.isnan(grouped_mean_interval([a, b[:1]], np.array([0.3, 0.7]))[1:]).all()


def test_a_difference_adds_the_squares_of_the_distances_to_the_ends():
    assert difference_interval((5.0, 2.0, 9.0), (3.0, 2.0, 7.0)) == pytest.approx((2 - 5, 2 + math.hypot(4, 1)))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import expected_minimum, random_search
from dsx.base.errors import DsxError


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5), st.integers(1, 4))
def test_expected_minimum_by_listing_all_draws(errors, k):
    grids = np.meshgrid(*[errors] * k)
    assert expected_minimum(errors, k) == pytest.approx(np.minimum.reduce(grids).mean())


def test_expected_minimum_of_one_is_the_mean_and_of_many_the_minimum():
    errors = np.random.default_rng(0).gamma(2, 1, 50)
    curve = expected_minimum(errors, [1, 2, 4, 100_000])
    assert curve[0] == pytest.approx(errors.mean())
    assert curve[-1] == pytest.approx(errors.min())
    assert (np.diff(curve) < 0).all()


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 4)), min_size=1, max_size=8))
def test_integer_weights_equal_repeated_errors(pairs):
    errors, repeats = map(np.array, zip(*pairs, strict=True))
    k = np.array([1, 3, 7])
    assert expected_minimum(errors, k, repeats) == pytest.approx(expected_minimum(np.repeat(errors, repeats), k))


def test_weighted_draws_match_simulation():
    rng = np.random.default_rng(1)
    errors, weights = rng.gamma(2, 1, 40), rng.random(40)
    drawn = rng.choice(errors, (200_000, 5), p=weights / weights.sum())
    assert expected_minimum(errors, 5, weights) == pytest.approx(drawn.min(axis=1).mean(), abs=0.005)


def test_spread_is_that_of_single_searches():
    errors = np.random.default_rng(1).gamma(2, 1, 200)
    curve = random_search(errors, [4])
    best = errors[np.random.default_rng(2).integers(0, 200, (100_000, 4))].min(axis=1)
    low, high = np.quantile(best, [0.025, 0.975])
    assert (curve.spread_low[0], curve.spread_high[0]) == pytest.approx((low, high), abs=0.1)


def test_band_ends_where_too_few_models_would_carry_it():
    curve = random_search(np.random.default_rng(1).gamma(2, 1, 64))
    assert curve.k.tolist() == [1, 2, 4, 8, 16, 32]
    assert np.isfinite(curve.low).tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize("errors", [[3.0], [3.0] * 20])
def test_degenerate_populations_have_a_flat_curve(errors):
    curve = random_search(errors)
    assert (curve.expected == 3).all()


@pytest.mark.parametrize("k", [0, [1, 0], 1.5, "many", []])
def test_bad_k_is_one_clear_line(k):
    with pytest.raises(DsxError, match="expected integers ≥ 1, the numbers of models tried"):
        expected_minimum([1.0], k)


def test_bias_is_that_of_drawing_with_replacement():
    # without replacement the expected minimum of the sample is that of the space
    errors = np.sort(np.random.default_rng(0).gamma(2, 1, 200))
    curve = random_search(errors, [1, 2, 4, 10])
    for at, k in enumerate((1, 2, 4, 10)):
        lowest = np.array([stats.hypergeom.pmf(k, 200, 200 - i, k) for i in range(201)])
        unbiased = (lowest[:-1] - lowest[1:]) @ errors
        centre = (curve.low[at] + curve.high[at]) / 2
        assert centre == pytest.approx(unbiased, abs=0.1 * (curve.expected[at] - unbiased) + 1e-9)

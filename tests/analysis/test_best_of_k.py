from __future__ import annotations

import itertools

import numpy as np
import pytest
from error_laws import LAWS, gamma
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import expected_minimum
from dsx.analysis.best_of_k import _over_choices, best_of_k
from dsx.base.errors import DsxError


@pytest.mark.slow
@given(st.lists(st.floats(0, 100), min_size=1, max_size=7))
def test_expected_is_the_mean_over_all_choices_by_listing(errors):
    curve = best_of_k(errors, range(1, len(errors) + 1))
    for k, expected, deviation in zip(curve.k, curve.expected, curve.deviation, strict=True):
        lowest = [min(c) for c in itertools.combinations(errors, int(k))]
        assert expected == pytest.approx(np.mean(lowest))
        assert deviation == pytest.approx(np.std(lowest), abs=1e-5)


def test_expected_agrees_with_hypergeometric_ranks_for_many_models():
    ordered = np.sort(gamma(np.random.default_rng(0), 300))
    for k in (3, 40, 299):
        above = stats.hypergeom.pmf(k, 300, 300 - np.arange(301), k)
        assert best_of_k(ordered, [k]).expected[0] == pytest.approx((above[:-1] - above[1:]) @ ordered)


def test_it_is_unbiased_where_drawing_with_replacement_is_not():
    rng = np.random.default_rng(0)
    populations = rng.exponential(1, (4000, 20))
    mean = np.mean([_over_choices(np.sort(p), 10, (1,))[0] for p in populations])
    assert mean == pytest.approx(0.1, abs=0.006)  # the lowest of 10 exponentials
    assert np.mean([expected_minimum(p, 10) for p in populations]) > 0.12


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [16, 100])
def test_interval_holds_the_expected_lowest_error_up_to_all_models(law, n):
    ks = [2, n // 4, n]
    many = np.sort(LAWS[law](np.random.default_rng(99), 400_000))
    truth = expected_minimum(many, ks)
    hits = np.zeros(len(ks))
    for repeat in range(200):
        curve = best_of_k(LAWS[law](np.random.default_rng([n, repeat]), n), ks)
        hits += (curve.low <= truth) & (truth <= curve.high)
    assert (hits / 200 >= 0.93).all()


def test_interval_holds_the_estimate_and_narrows_with_models():
    rng = np.random.default_rng(0)
    few, many = best_of_k(gamma(rng, 64), [1, 8]), best_of_k(gamma(rng, 100_000), [1, 8])
    for curve in (few, many):
        assert (curve.low <= curve.expected).all()
        assert (curve.expected <= curve.high).all()
    assert ((many.high - many.low) < 0.1 * (few.high - few.low)).all()
    assert many.high[0] - many.low[0] == pytest.approx(4 * np.sqrt(2) / np.sqrt(100_000), rel=0.15)  # of the mean


def test_few_models_have_no_interval_of_the_mean():
    assert np.isnan(best_of_k(np.arange(40.0), [1, 2]).low).tolist() == [True, False]
    assert np.isnan(best_of_k([3.0]).low).all()


def test_all_equal_is_flat():
    curve = best_of_k([4.0] * 70)
    assert (curve.expected == 4).all()
    assert curve.low == pytest.approx(4)
    assert curve.high == pytest.approx(4)
    assert curve.k.tolist() == [1, 2, 4, 8, 16, 32, 64, 70]


def test_interval_goes_no_lower_than_an_error_can():
    assert best_of_k([0.1, 5.0, 9.0], [3]).low[0] >= 0


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ([0], "k = [0]: expected integers ≥ 1, the numbers of models tried"),
        ([1, 4], "k = 4: there are 3 models: what more would reach does not follow from them"),
    ],
)
def test_bad_k_is_one_clear_line(k, message):
    with pytest.raises(DsxError) as refused:
        best_of_k([1.0, 2.0, 3.0], k)
    assert str(refused.value) == message

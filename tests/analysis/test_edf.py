from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.analysis import edf
from dsx.base.errors import DsxError

errors_lists = st.lists(st.floats(0, 100).map(lambda e: round(e, 1)), min_size=1, max_size=40)


def test_edf_is_strict_at_ties():
    curve = edf([3.0, 1.0, 3.0, 4.0])
    assert curve.error.tolist() == [1, 3, 3, 4]
    assert curve.probability.tolist() == [0, 0.25, 0.25, 0.75]
    assert curve(3.0) == 0.25
    assert curve(np.array([0.5, 3.0001, 4.0, 4.1])).tolist() == [0, 0.75, 0.75, 1]


@given(errors_lists, st.floats(-1, 101))
def test_edf_equals_its_definition_by_brute_force(errors, e):
    assert edf(errors)(e) == pytest.approx(sum(x < e for x in errors) / len(errors))


@given(errors_lists)
def test_band_holds_the_curve_and_stays_a_share(errors):
    curve = edf(errors)
    assert (curve.lower <= curve.probability).all()
    assert (curve.probability <= curve.upper).all()
    assert curve.lower.min() >= 0
    assert curve.upper.max() <= 1
    assert (np.diff(curve.probability) >= 0).all()


@given(errors_lists)
def test_equal_weights_are_no_weights(errors):
    plain, weighted = edf(errors), edf(errors, weights=np.full(len(errors), 3.0))
    assert weighted.probability == pytest.approx(plain.probability)
    assert weighted.effective_n == pytest.approx(plain.n)
    assert weighted.mean == pytest.approx(plain.mean)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5)), min_size=1, max_size=10))
def test_integer_weights_equal_repeated_errors(pairs):
    errors, repeats = map(np.array, zip(*pairs, strict=True))
    repeated = edf(np.repeat(errors, repeats))
    weighted = edf(errors, weights=repeats)
    at = np.linspace(0, 101, 50)
    assert weighted(at) == pytest.approx(repeated(at))


def test_effective_sample_size_is_kishs():
    weights = np.array([1.0, 2.0, 3.0])
    curve = edf([1.0, 2.0, 3.0], weights=weights)
    assert curve.effective_n == pytest.approx(36 / 14)
    assert curve.half_width == pytest.approx(np.sqrt(np.log(40) / (2 * 36 / 14)))


def test_mean_is_the_area_above_the_curve():
    errors = np.random.default_rng(0).gamma(3, 2, 200)
    curve = edf(errors)
    grid = np.linspace(0, errors.max(), 200_001)
    assert np.mean(1 - curve(grid)) * errors.max() == pytest.approx(curve.mean, rel=1e-3)


def test_a_results_table_gives_the_edf_of_its_finished_models(mixed):
    curve = edf(mixed)
    assert curve.n == 23
    assert curve.error[-1] == 90.0


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 1.5]])
def test_right_of_its_steps_the_curve_is_the_share_at_or_below(weights):
    errors, shares = np.array([2.0, 1.0, 2.0, 4.0]), np.array(weights or [1.0] * 4)
    curve = edf(errors, weights)
    at = np.array([0.5, 1.0, 2.0, 3.0, 4.0])
    expected = [(shares * (errors <= e)).sum() / shares.sum() for e in at]
    assert curve.at_or_below(at) == pytest.approx(expected)
    assert curve.at_or_below(2.0) == pytest.approx(expected[2])


@pytest.mark.parametrize(
    ("errors", "options", "message"),
    [
        ([], {}, "errors: no values: a statistic needs at least one finished model"),
        ([[1.0]], {}, "errors: shape (1, 1): expected one dimension, one value per model"),
        (["x"], {}, "errors: not numbers: expected a sequence of numbers or a results table"),
        ([1.0], {"level": 95}, "level = 95: expected a share between 0 and 1, such as 0.95"),
        ([1.0], {"weights": [1, 2]}, "weights: 2 weights for 1 models: give one per model"),
        ([1.0], {"weights": [0]}, "weights: weights are finite numbers ≥ 0, of which at least one is above 0"),
    ],
)
def test_bad_input_is_one_clear_line(errors, options, message):
    with pytest.raises(DsxError) as caught:
        edf(errors, **options)
    assert str(caught.value) == message


def test_models_without_an_error_are_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="errors: 1 of 3 models have no error and are left out"):
        assert edf([1.0, float("nan"), 2.0]).n == 2
    with pytest.warns(UserWarning, match="errors: 1 of 3 models have no error and are left out"):
        curve = edf([1.0, float("nan"), 2.0], weights=[1, 5, 3])
    assert curve.mean == pytest.approx(1.75)

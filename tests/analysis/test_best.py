from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.analysis import best_range, best_ranges, best_weights, joint_best_range
from dsx.base.errors import DsxError


def simulated(x, errors, repeats=10_000, fraction=0.25):
    """The bootstrap as RegNet's footnote 4 tells it."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(errors), (repeats, max(1, int(fraction * len(errors)))))
    best = drawn[np.arange(repeats), np.argmin(np.asarray(errors)[drawn], axis=1)]
    return np.asarray(x)[best]


def test_best_range_is_what_ten_thousand_repeats_give():
    rng = np.random.default_rng(1)
    x = rng.integers(1, 40, 200).astype(float)
    errors = 40 + 0.02 * (x - 20) ** 2 + rng.gamma(2, 1, 200)
    low, median, high = best_range(x, errors)
    kept = simulated(x, errors, 40_000)
    assert (low, median, high) == tuple(np.quantile(kept, [0.025, 0.5, 0.975], method="inverted_cdf"))


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12), st.sampled_from([0.1, 0.25, 1.0]))
def test_chances_sum_to_one_and_ties_share_alike(errors, fraction):
    chance = best_weights(errors, fraction)
    assert chance.sum() == pytest.approx(1)
    for value in set(errors):
        tied = chance[np.array(errors) == value]
        assert tied == pytest.approx(np.full(tied.size, tied[0]))


def test_chances_with_ties_by_brute_force():
    errors, draws = np.array([2.0, 1.0, 1.0, 3.0, 3.0, 1.0, 2.0, 4.0]), 2
    chance = np.zeros(8)
    for i in range(8):
        for j in range(8):
            lowest = [k for k in (i, j) if errors[k] == min(errors[i], errors[j])]
            for k in lowest:
                chance[k] += 1 / 64 / len(lowest)
    assert best_weights(errors, draws / 8) == pytest.approx(chance)


def test_range_does_not_depend_on_the_order_of_tied_models():
    errors, x = np.array([1.0, 1, 1, 1, 2, 3, 4, 5]), np.arange(8.0)
    turned = np.random.default_rng(0).permutation(8)
    assert best_range(x, errors) == best_range(x[turned], errors[turned])


def test_all_equal_errors_give_the_quantiles_of_the_parameter():
    x = np.arange(1, 101.0)
    assert best_range(x, np.full(100, 5.0)) == (3, 50, 98)


def test_a_single_model_is_its_own_range():
    assert best_range([7.0], [3.0]) == (7, 7, 7)


def test_models_without_the_quantity_take_no_part(table):
    x, errors = np.array([1.0, np.nan, 3.0, 4.0]), np.array([4.0, 0.1, 3.0, 2.0])
    assert best_range(x, errors) == best_range(x[[0, 2, 3]], errors[[0, 2, 3]])
    row = best_ranges(table(errors, depth_1=x)).iloc[0]
    assert (row["parameter"], row["n"], row["without"]) == ("depth_1", 3, 1)


def test_ranges_of_a_table_are_those_of_its_numeric_parameters(table, mixed):
    frame = best_ranges(mixed.assign(depth_1=range(24), kind="x", empty=np.nan))
    assert frame["parameter"].tolist() == ["depth_1"]
    assert best_ranges(table([np.nan], ["pending"], depth_1=3)).empty


def test_joint_range_holds_the_pair_with_the_probability_it_states():
    rng = np.random.default_rng(2)
    x, y = rng.random(300), rng.random(300)
    errors = (x - 0.5) ** 2 + (y - 0.5) ** 2
    joint = joint_best_range(x, y, errors)
    chance = best_weights(errors)
    inside = (x >= joint.x[0]) & (x <= joint.x[2]) & (y >= joint.y[0]) & (y <= joint.y[2])
    assert joint.probability == pytest.approx(chance[inside].sum())
    assert joint.probability >= 0.95
    for ends, marginal in ((joint.x, best_range(x, errors)), (joint.y, best_range(y, errors))):
        assert ends[0] <= marginal[0]
        assert ends[2] >= marginal[2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_range([1.0], [1.0, 2.0]), "x and errors: 1 and 2 values: give one of each per model"),
        (lambda: best_range([np.nan], [1.0]), "x: no model has a value: a best range needs at least one"),
        (
            lambda: best_range([1.0], [1.0], fraction=25),
            "fraction = 25: expected a share above 0 and at most 1, such as 0.25",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(DsxError) as caught:
        call()
    assert str(caught.value) == message


def test_a_misspelt_column_has_a_suggestion(table):
    with pytest.raises(DsxError, match=r"no column 'detph_1'\. Did you mean depth_1\?"):
        best_ranges(table([1.0], depth_1=3), ["detph_1"])

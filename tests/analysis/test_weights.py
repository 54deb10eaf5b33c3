from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.analysis import compare_matched, edf, matched_bins, matched_in_words, matched_weights
from dsx.analysis.verdict import decide, ranked
from dsx.analysis.weights import matched_table
from dsx.base.errors import DsxError
from dsx.recipes.metric import Metric


def nds_weights(complexity, low, high, bins):
    """As the authors' `compute_norm_ws`, for non-empty bins."""
    edges = np.linspace(low, high, bins + 1)
    index = np.minimum(np.digitize(complexity, edges) - 1, bins - 1)
    return 1 / (bins * np.bincount(index, minlength=bins)[index])


def test_weights_are_the_papers_when_no_bin_is_short():
    complexity = np.random.default_rng(0).random(400)
    bins = matched_bins([complexity], bins=10, window=(0, 1))
    assert bins.shares == pytest.approx(np.full(10, 0.1))
    assert bins.weights(complexity) == pytest.approx(nds_weights(complexity, 0, 1, 10))


@pytest.mark.slow
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.integers(1, 40),
)
def test_no_population_is_short_in_any_bin_and_weights_sum_to_one(a, b, bins):
    try:
        shared = matched_bins([a, b], bins)
    except DsxError:
        return
    assert shared.shares.sum() == pytest.approx(1)
    for complexity in (np.array(a), np.array(b)):
        index = shared.index(complexity)
        counts = np.bincount(index[index >= 0], minlength=shared.shares.size)
        assert counts.min() >= 2
        weights = shared.weights(complexity)
        assert weights.sum() == pytest.approx(1)
        by_bin = np.bincount(index[index >= 0], weights[index >= 0], shared.shares.size)
        assert by_bin == pytest.approx(shared.shares)


def test_a_short_bin_is_joined_with_its_neighbour():
    complexity = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.95, 0.0, 1.0])
    bins = matched_bins([complexity], bins=4, window=(0, 1))
    assert bins.shares.tolist() == [0.25, 0.5, 0.25]
    assert bins.edges.tolist() == [0, 0.25, 0.75, 1]


def test_matching_removes_a_difference_that_is_all_complexity(table):
    rng = np.random.default_rng(0)
    small, large = rng.beta(1, 3, 400), rng.beta(3, 1, 400)
    a = table(10 - 5 * small + rng.normal(0, 0.3, 400), flops=small)
    b = table(10 - 5 * large + rng.normal(0, 0.3, 400), flops=large)
    assert a["error"].mean() - b["error"].mean() > 2
    row = compare_matched(a, b, "flops", bins=20)
    assert row["mean_difference_low"] < 0.1
    assert abs(row["mean_difference"]) < 0.2
    weights = matched_weights({"a": a, "b": b}, "flops", bins=20)
    assert row["mean_a"] == pytest.approx(edf(a["error"], weights["a"]).mean)


def test_matched_comparison_in_words():
    row = {
        "by": "flops", "n_a": 80, "n_b": 60, "level": 0.95, "mean_difference": 0.62, "mean_difference_low": 0.21,
        "mean_difference_high": 1.03,
    }  # fmt: skip
    assert matched_in_words(row, "A", "B") == (
        "At equal flops (80 and 60 models), mean A − B in bins: 0.6 points (95 % interval 0.2–1.0)."
    )
    assert matched_in_words(row, "A", "B", metric=Metric(name="latency", unit="ms", better="higher")) == (
        "At equal flops (80 and 60 models), mean A − B in bins: −0.6 ms (95 % interval −1.0 to −0.2)."
    )
    (verdict,) = decide([ranked(("A", "B", "at equal flops"), np.arange(50.0), np.arange(50.0) - 20)], 0.95, None)
    told = matched_in_words(row, "A", "B", verdict)
    assert told.startswith("B is better than A at equal flops: a model of B beats one of A with probability 0.8")
    assert told.endswith("; mean A − B in bins: 0.6 points.")


def test_intervals_of_the_table_hold_for_all_rows_at_once(table):
    rng = np.random.default_rng(0)
    tables = {name: table(rng.gamma(2, 1, 120)) for name in "abc"}
    rows = matched_table(tables, ["flops"])
    alone = compare_matched(tables["a"], tables["c"], level=1 - 0.05 / 3)
    assert rows.loc[1, "mean_difference_low"] == pytest.approx(alone["mean_difference_low"])
    assert set(rows["level"]) == {0.95}


def test_few_models_are_described_without_an_interval(table):
    rng = np.random.default_rng(0)
    row = compare_matched(table(rng.gamma(2, 1, 63)), table(rng.gamma(2, 1, 200)))
    assert np.isnan([row["mean_difference_low"], row["mean_difference_high"]]).all()
    assert matched_in_words(row, "A", "B") == (
        f"At equal flops (63 and 200 models), mean A − B in bins: {row['mean_difference']:.1f} points.".replace(
            "-", "−"
        )
    )


def test_populations_that_do_not_meet_are_told_so(table):
    a, b = table([1.0, 2.0, 3.0], flops=[1, 2, 3]), table([1.0, 2.0, 3.0], flops=[7, 8, 9])
    with pytest.raises(
        DsxError, match=r"one population ends at 3 and another begins at 7, .*; sample both from windows that overlap"
    ):
        compare_matched(a, b)
    frame = matched_table({"a": a, "b": b}, ["flops"])
    assert frame.loc[0, "words"].startswith("matched comparison: one population ends at 3 and another begins at 7")


def test_equal_complexities_are_one_bin(table):
    row = compare_matched(table([1.0, 2.0, 3.0], flops=5), table([2.0, 3.0, 4.0], flops=5))
    assert row["bins"] == 1
    assert row["mean_difference"] == -1

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import compare, compare_all, comparison_in_words, holm
from dsx.base.errors import DsxError

KEYS = {
    *("n_a", "n_b", "ks", "ks_pvalue", "level", "superiority", "superiority_low", "superiority_high"),
    *(f"{name}_difference{end}" for name in ("mean", "min", "median") for end in ("", "_low", "_high")),
}
WORDS = {
    "n_a": 500, "n_b": 500, "level": 0.95, "mean_difference": -1.04, "mean_difference_low": -1.62,
    "mean_difference_high": -0.41, "superiority": 0.78, "superiority_low": 0.75, "superiority_high": 0.81,
}  # fmt: skip


def test_compare_has_the_promised_keys_and_simple_values():
    comparison = compare([1.0, 2.0, 3.0], [2.0, 3.0, 7.0])
    assert set(comparison) == KEYS
    assert comparison["mean_difference"] == -2
    assert comparison["min_difference"] == -1
    assert comparison["median_difference"] == -1
    assert comparison["superiority"] == pytest.approx(7 / 9)


def test_ks_is_scipys_and_the_largest_distance_of_the_curves():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 100), rng.normal(0.3, 1, 80)
    comparison = compare(a, b)
    grid = np.concatenate([a, b])
    brute = max(abs(np.mean(a <= e) - np.mean(b <= e)) for e in grid)
    assert comparison["ks"] == pytest.approx(brute)
    assert comparison["ks_pvalue"] == pytest.approx(stats.ks_2samp(a, b).pvalue)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=12),
    st.lists(st.floats(0, 100), min_size=1, max_size=12),
)
def test_swapping_the_populations_mirrors_everything(a, b):
    one, other = compare(a, b), compare(b, a)
    for name in ("mean_difference", "min_difference", "median_difference"):
        assert one[name] == pytest.approx(-other[name])
        assert one[f"{name}_low"] == pytest.approx(-other[f"{name}_high"], nan_ok=True, abs=1e-6)
    assert one["superiority"] == pytest.approx(1 - other["superiority"])
    assert one["ks"] == pytest.approx(other["ks"])


def test_compare_all_equals_compare_pair_by_pair(table):
    rng = np.random.default_rng(1)
    tables = {name: table(mu + rng.gamma(2, 1, 30)) for name, mu in (("A", 3), ("B", 2), ("C", 1))}
    rows = compare_all(tables)
    assert list(zip(rows["a"], rows["b"], strict=True)) == [("A", "B"), ("A", "C"), ("B", "C")]
    alone = compare(tables["A"], tables["C"])
    assert rows.loc[1, list(alone)].astype(float).to_dict() == pytest.approx(alone)
    assert rows["ks_pvalue_holm"].to_numpy() == pytest.approx(holm(rows["ks_pvalue"].to_numpy()))


def test_compare_all_leaves_out_a_study_without_finished_models(table):
    empty = table([np.nan, np.nan], ["pending", "failed"])
    assert len(compare_all({"A": table([1.0, 2, 3]), "B": empty, "C": table([2.0, 3, 4])})) == 1
    assert compare_all({"A": table([1.0, 2, 3]), "B": empty}).empty


def test_holm_on_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_keeps_the_order_and_never_lowers_a_pvalue(pvalues):
    corrected = holm(pvalues)
    assert (corrected >= np.array(pvalues) - 1e-12).all()
    assert corrected.max() <= 1
    assert (np.diff(corrected[np.argsort(pvalues, kind="stable")]) >= 0).all()


def test_sentence_names_the_better_space_whichever_comes_first():
    expected = (
        "AnyNetXE is better than AnyNetXA: mean error lower by 1.0 points (95 % interval 0.4–1.6); "
        "a model of AnyNetXE beats one of AnyNetXA with probability 0.78 (0.75–0.81)."
    )
    assert comparison_in_words(WORDS, "AnyNetXE", "AnyNetXA") == expected
    mirrored = WORDS | {
        "mean_difference": 1.04, "mean_difference_low": 0.41, "mean_difference_high": 1.62,
        "superiority": 0.22, "superiority_low": 0.19, "superiority_high": 0.25,
    }  # fmt: skip
    assert comparison_in_words(mirrored, "AnyNetXA", "AnyNetXE") == expected


def test_sentence_is_honest_when_nothing_could_be_shown():
    open_question = WORDS | {
        "mean_difference": -0.1, "mean_difference_low": -0.6, "mean_difference_high": 0.4,
        "superiority": 0.52, "superiority_low": 0.48, "superiority_high": 0.56,
    }  # fmt: skip
    assert comparison_in_words(open_question, "A", "B") == (
        "No difference in mean error could be shown between A and B: −0.1 points (95 % interval −0.6 to 0.4)."
    )
    apart = open_question | {"superiority": 0.2, "superiority_low": 0.1, "superiority_high": 0.3}
    assert comparison_in_words(apart, "A", "B").endswith(
        "; yet a model of B beats one of A with probability 0.80 (0.70–0.90)."
    )


def test_sentence_for_a_single_model():
    comparison = compare([3.0], [1.0, 2.0])
    assert comparison_in_words(comparison, "A", "B") == (
        "A and B cannot be compared: A has 1 finished model, too few for an interval (mean error A − B: 1.5 points)."
    )


def test_all_equal_and_all_diverged_are_compared_without_fuss(table):
    equal = compare([5.0] * 10, [5.0] * 10)
    assert equal["mean_difference_low"] == equal["mean_difference_high"] == 0
    assert "No difference" in comparison_in_words(equal, "A", "B")
    diverged = table([90.0] * 8, ["diverged"] * 8)
    better = compare_all({"A": diverged, "B": table([3.0] * 8)}).loc[0, "words"]
    assert better.startswith("B is better than A: mean error lower by 87.0 points")


def test_no_errors_is_one_clear_line():
    with pytest.raises(DsxError, match="a: no values"):
        compare([], [1.0])


def test_error_columns_with_failed_models_compare_as_their_tables_do(mixed, table):
    other = table(np.linspace(1, 4, 20))
    with pytest.warns(UserWarning, match="a: 1 of 24 models have no error and are left out"):
        by_column = compare(mixed["error"], other["error"])
    assert by_column == compare(mixed, other)

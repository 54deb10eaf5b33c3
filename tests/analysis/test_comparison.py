from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import Decisions, compare, compare_all, comparison_in_words, holm, verdicts
from dsx.base.errors import DsxError
from dsx.recipes.metric import Metric

KEYS = {
    *("n_a", "n_b", "ks", "ks_pvalue", "level", "superiority", "superiority_low", "superiority_high"),
    *(f"{name}_difference{end}" for name in ("mean", "trimmed", "median") for end in ("", "_low", "_high")),
    "min_difference",  # without an interval
}


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


@pytest.mark.slow
@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=12),
    st.lists(st.floats(0, 100), min_size=1, max_size=12),
)
def test_swapping_the_populations_mirrors_everything(a, b):
    one, other = compare(a, b), compare(b, a)
    for name in ("mean_difference", "min_difference", "median_difference"):
        assert one[name] == pytest.approx(-other[name])
    for name in ("mean_difference", "trimmed_difference", "median_difference"):
        assert one[f"{name}_low"] == pytest.approx(-other[f"{name}_high"], nan_ok=True, abs=1e-6)
    assert one["superiority"] == pytest.approx(1 - other["superiority"])
    assert one["ks"] == pytest.approx(other["ks"])


def test_compare_all_equals_compare_pair_by_pair(table):
    rng = np.random.default_rng(1)
    tables = {name: table(mu + rng.gamma(2, 1, 100)) for name, mu in (("A", 3), ("B", 2), ("C", 1))}
    rows = compare_all(tables)
    assert list(zip(rows["a"], rows["b"], strict=True)) == [("A", "B"), ("A", "C"), ("B", "C")]
    alone = compare(tables["A"], tables["C"], 1 - 0.05 / 3)  # the intervals hold for three pairs at once
    assert rows.loc[1, list(alone)].astype(float).to_dict() == pytest.approx({**alone, "level": 0.95})
    assert rows["ks_pvalue_holm"].to_numpy() == pytest.approx(holm(rows["ks_pvalue"].to_numpy()))


@pytest.mark.slow
def test_intervals_of_one_kind_hold_for_all_pairs_at_once(table):
    hits = np.zeros(3)
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        rows = compare_all({name: table(2 + rng.gamma(2, 1, 96)) for name in "abc"}, decided=Decisions((), ()))
        for i, kind in enumerate(("mean", "trimmed", "median")):
            low, high = rows[f"{kind}_difference_low"], rows[f"{kind}_difference_high"]
            hits[i] += ((low <= 0) & (high >= 0)).all()
    assert (hits / 200 >= 0.92).all(), hits


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


def test_a_sentence_describes_and_only_a_verdict_decides():
    rng = np.random.default_rng(2)
    errors = {"A": rng.normal(5, 1, 64), "B": rng.normal(3, 1, 64)}
    comparison = compare(*errors.values())
    differences = " ".join(f"{np.mean(errors['A']) - np.mean(errors['B']):.2f}".split())
    alone = comparison_in_words(comparison, "A", "B")
    assert alone.startswith(f"A − B, 64 and 64 models, in points: mean {differences} (95 % interval ")
    assert not re.search("better|lower|ahead|shown", alone)
    ap = Metric(name="map", unit="%", better="higher")
    low, high = (f"{-comparison[f'mean_difference_{end}']:.1f}".replace("-", "−") for end in ("high", "low"))
    turned = f"A − B, 64 and 64 models, in points: mean −{differences} (95 % interval {low} to {high}), trimmed mean −"
    assert comparison_in_words(comparison, "A", "B", metric=ap).startswith(turned)
    (verdict,) = verdicts(errors)
    told = comparison_in_words(comparison, "A", "B", verdict)
    assert told.startswith("B is better than A: a model of B beats one of A with probability ")
    assert f"; A − B in points: mean {differences}, trimmed mean " in told


def test_a_single_model_and_equal_models_are_described(table):
    assert comparison_in_words(compare([3.0], [1.0, 2.0]), "A", "B") == (
        "A − B, 1 and 2 models, in points: mean 1.50, trimmed mean 1.50, median 1.50."
    )
    equal = compare([5.0] * 64, [5.0] * 64)
    assert equal["mean_difference_low"] == equal["mean_difference_high"] == 0
    rows = compare_all({"A": table([90.0] * 8, ["diverged"] * 8), "B": table([3.0] * 8), "C": table([3.0] * 8)})
    few = "8 and 8 models cannot decide between A and B: it takes at least 12 of each, as one of 9 comparisons; "
    assert rows.loc[0, "words"] == f"{few}A − B in points: mean 87.00, trimmed mean 87.00, median 87.00."


def test_no_errors_is_one_clear_line():
    with pytest.raises(DsxError, match="a: no values"):
        compare([], [1.0])


def test_error_columns_with_failed_models_compare_as_their_tables_do(mixed, table):
    other = table(np.linspace(1, 4, 20))
    with pytest.warns(UserWarning, match="a: 1 of 24 models have no error and are left out"):
        by_column = compare(mixed["error"], other["error"])
    assert by_column == compare(mixed, other)

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from error_laws import LAWS

from dsx.analysis.decisions import decisions, drawn_so_far
from dsx.analysis.matching import matched_pairs
from dsx.analysis.rank_test import rank_test
from dsx.analysis.verdict import Margin
from dsx.base.errors import DsxError

MEASURES = ["error", "at equal flops", "at equal params", "at equal acts", "at every error"]


def study(rng: np.random.Generator, n: int, shift: float = 0.0, law: str = "gamma", **columns) -> pd.DataFrame:
    """A results table of n models of 400 to 440 MF, that many thousands of parameters and activations."""
    table = pd.DataFrame({"model_id": [f"m{i:04d}" for i in range(n)], "state": "done"})
    sizes = {name: rng.uniform(400, 440, n) for name in ("flops", "params", "acts")}
    return table.assign(error=shift + LAWS[law](rng, n), **sizes).assign(**columns)


@pytest.mark.slow
def test_every_measure_of_every_pair_is_decided_at_both_looks():
    rng = np.random.default_rng(0)
    made = decisions({name: study(rng, 30) for name in "abc"})
    assert [v.measure for v in made.one[:5]] == MEASURES
    assert [(v.a, v.b, v.measure) for v in made.one] == [(v.a, v.b, v.measure) for v in made.any]
    assert {(v.a, v.b) for v in made.any} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert {v.comparisons for v in made.any} == {15}
    assert ({v.looks for v in made.one}, {v.looks for v in made.any}) == ({"one"}, {"any"})
    assert made.stated == made.any
    assert decisions({name: study(rng, 8) for name in "ab"}, looks="one").pairs[0].looks == "one"


def test_errors_as_they_are_have_four_fifths_of_the_error_allowed():
    rng = np.random.default_rng(0)
    tables = {"a": study(rng, 40), "b": study(rng, 40, 0.6)}
    verdict = decisions(tables).one[0]
    alone = rank_test(tables["a"]["error"], tables["b"]["error"])
    assert verdict.pvalue == alone.pvalue
    assert (verdict.low, verdict.high) == pytest.approx(alone.interval(1 - 0.05 * 4 / 5))
    assert verdict.adjusted == pytest.approx(alone.pvalue * 5 / 4)


def test_at_equal_complexity_pairs_of_like_models_are_compared():
    rng = np.random.default_rng(1)
    a, b = study(rng, 50), study(rng, 60, 1)
    verdict = decisions({"a": a, "b": b}, looks="one").of("a", "b", "at equal flops")
    pairs = matched_pairs(a["flops"].to_numpy(), b["flops"].to_numpy())
    expected = rank_test(a["error"].to_numpy()[pairs.a], b["error"].to_numpy()[pairs.b])
    assert (verdict.n_a, verdict.superiority) == (pairs.a.size, expected.superiority)


def test_a_measure_that_nothing_is_known_of_is_not_among_them():
    rng = np.random.default_rng(1)
    a, b = study(rng, 20, params=np.nan), study(rng, 20, acts=1e9).drop(columns="flops")
    assert [v.measure for v in decisions({"a": a, "b": b}).one] == ["error", "at every error"]
    assert decisions({"a": a, "b": b}).of("a", "b", "at equal flops") is None


def test_what_finished_first_does_not_matter_at_any_look():
    rng = np.random.default_rng(2)
    whole = {"a": study(rng, 40), "b": study(rng, 40, 2)}
    state = np.where(np.arange(40) % 7 == 6, "pending", "done")
    part = whole | {"a": whole["a"].assign(state=state, error=whole["a"]["error"].where(state == "done"))}
    made, first = decisions(part), decisions({name: table[:6] for name, table in whole.items()})
    assert made.any[0].n_b == 40
    assert [v.pvalue for v in made.any] == [v.pvalue for v in first.any]
    assert (made.any[0].n_a, made.one[0].n_a) == (6, 35)
    assert made.notes == ("a: at any look 6 models of 35 count so far, up to the first that is still to be trained.",)


def test_failed_models_are_left_out_and_studies_without_models_too():
    rng = np.random.default_rng(2)
    a, b = study(rng, 30), study(rng, 30)
    failed = pd.concat([a[:3].assign(state="failed", error=np.nan, model_id=["x", "y", "z"]), a], ignore_index=True)
    none = study(rng, 3, state="pending", error=np.nan)
    made = decisions({"a": failed, "none": none, "b": b})
    assert [v.pvalue for v in made.any] == [v.pvalue for v in decisions({"a": a, "b": b}).any]
    assert decisions({"none": none}).stated == ()


@pytest.mark.parametrize("n", [8, 60, 200])
def test_of_a_table_that_was_sorted_nothing_is_decided_at_any_look_and_a_note_says_so(n):
    """Whether one is sorted or both, by errors or, of many models, by what goes with them."""
    rng = np.random.default_rng(n)
    drawn, other = study(rng, n), study(rng, n, 9)
    parameter = drawn["error"].rank() + rng.normal(0, n / 2, n)  # rank correlation 0.5
    in_another_order = [drawn.sort_values("error"), drawn.sort_values("error", ascending=False)]
    in_another_order += [drawn.iloc[np.argsort(parameter)]] if n == 200 else []
    assert decisions({"a": drawn, "b": other}).notes == ()
    for table in in_another_order:
        for beside in (other, other.sort_values("error")):
            made = decisions({"a": table, "b": beside})
            assert {verdict.decision for verdict in made.any} == {"undecided"}
            assert made.any[0].n_a == 0
            assert n == 8 or made.one[0].decision == "a better"
            assert made.notes[0] == (
                "a: the models stand in no order of drawing (they are sorted, or neighbours are alike), so at any look"
                " nothing can be said of them; `--looks one` compares them if this is the only look."
            )
            assert len(made.notes) == (1 if beside is other else 2)
    assert decisions({"a": in_another_order[0]}).notes == ()  # nothing is compared


@pytest.mark.slow
def test_an_order_of_drawing_is_seldom_taken_for_another():
    rng = np.random.default_rng(0)
    tables = (study(rng, n) for n in (8, 20, 64, 300) for _ in range(500))
    assert sum(len(drawn_so_far(table, "a")[1]) for table in tables) <= 3


def test_a_study_that_grows_keeps_its_verdicts_and_where_they_were_reached():
    rng = np.random.default_rng(3)
    whole = {"a": study(rng, 200), "b": study(rng, 200, 1.2)}
    early = decisions({name: table[:90] for name, table in whole.items()})
    late = decisions(whole)
    for before, after in zip(early.any, late.any, strict=True):
        assert after.adjusted <= before.adjusted + 1e-12
        if before.decision != "undecided":
            assert (after.decision, before.decided_at >= after.decided_at) == (before.decision, True)
    assert early.any[0].decision == "a better"


def test_curves_that_cross_have_both_ahead_somewhere():
    rng = np.random.default_rng(4)
    tables = {
        "a": pd.DataFrame({"error": rng.normal(40, 1, 900)}),
        "b": pd.DataFrame({"error": rng.normal(40, 8, 900)}),
    }
    made = decisions(tables)
    assert made.of("a", "b", "at every error").decision == "neither"
    assert made.ahead_somewhere("a", "b") == {"a", "b"}
    assert decisions({"a": study(rng, 60), "b": study(rng, 60, 3)}).ahead_somewhere("a", "b") == {"a"}
    assert decisions({"a": study(rng, 30), "b": study(rng, 30)}).ahead_somewhere("a", "b") == set()


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_analyses_of_equal_studies_seldom_claim_anything(law):
    wrong = {"any": 0, "one": 0}
    for repeat in range(100):
        rng = np.random.default_rng([5, repeat])
        made = decisions({name: study(rng, 40, law=law) for name in "abc"}, margin=Margin(0.05))
        wrong["any"] += any(v.decision != "undecided" for v in made.any)
        wrong["one"] += any(v.decision != "undecided" for v in made.one)
    assert max(wrong.values()) / 100 <= 0.05 + 2.5 * (0.05 * 0.95 / 100) ** 0.5


def test_ugly_studies_are_undecided_or_decided_without_fuss():
    equal, two = pd.DataFrame({"error": [5.0] * 40}), pd.DataFrame({"error": [3.0, 9.0]})
    guess = pd.DataFrame({"error": [90.0] * 40, "state": "diverged"})
    made = decisions({"equal": equal, "two": two, "guess": guess, "same": equal}, margin=Margin(0.1))
    told = {(v.a, v.b): v for v in made.pairs}
    assert told["equal", "guess"].decision == "a better"
    assert told["equal", "same"].decision == "equivalent"
    assert (told["equal", "two"].decision, told["equal", "two"].enough) == ("undecided", False)
    with_nan = pd.DataFrame({"error": [np.nan, *range(1, 20)]})
    assert dataclasses.asdict(decisions({"a": with_nan, "b": equal}).one[0])["n_a"] == 19
    with pytest.raises(DsxError, match="level = 95: expected a share between 0 and 1"):
        decisions({"a": equal}, 95)

import math

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.decisions import decisions
from dsx.analysis.standing import errors_in_order, evidence, standing
from dsx.analysis.verdict import Margin


def table(errors, **changed):
    """A results table; changed: row → state, as `r3="pending"`."""
    rows = pd.DataFrame({"model_id": [f"m{i}" for i in range(len(errors))], "state": "done", "error": errors})
    for name, state in changed.items():
        rows.loc[int(name[1:]), "state"] = state
        if state not in ("done", "diverged"):
            rows.loc[int(name[1:]), "error"] = np.nan
    return rows


def test_models_count_in_order_up_to_the_first_that_is_still_to_come():
    errors = [3.0, 1.0, 4.0, 90.0, 5.0]
    assert errors_in_order(table(errors, r3="diverged")).tolist() == errors
    assert errors_in_order(table(errors, r1="failed")).tolist() == [3, 4, 90, 5]
    for state in ("pending", "running"):
        assert errors_in_order(table(errors, r1="failed", r3=state)).tolist() == [3, 4]
    assert errors_in_order(table(errors, r0="pending")).size == 0


def test_of_several_seeds_the_mean_counts_once_all_are_over():
    first, second = table([1.0, 2.0, 3.0]), table([3.0, 4.0, 5.0], r2="pending")
    assert errors_in_order(pd.concat([first, second], ignore_index=True)).tolist() == [2, 3]
    second = table([3.0, 4.0, 5.0], r1="failed")
    assert errors_in_order(pd.concat([first, second], ignore_index=True)).tolist() == [2, 2, 4]


def test_a_standing_is_the_verdict_at_any_look_on_these_models():
    rng = np.random.default_rng(0)
    errors = {"a": rng.normal(5, 1, 60), "b": rng.normal(6.5, 1, 80), "c": rng.normal(5, 1, 70)}
    tables = {name: table(values, r50="pending") for name, values in errors.items()}
    state = standing(tables, margin=Margin(0.1))
    first = decisions({name: table(values[:50]) for name, values in errors.items()}, margin=Margin(0.1))
    found = [(v.a, v.b, v.decision, v.decided_at, v.adjusted) for v in state.verdicts]
    assert found == [
        (v.a, v.b, v.decision, v.decided_at, v.adjusted) for v in first.pairs
    ]  # as an analysis states them
    assert state.models == 50
    assert [v.decision for v in state.verdicts] == ["a better", "undecided", "b better"]
    assert not state.decided
    assert standing({name: tables[name] for name in "ab"}).decided
    assert state.lines()[0].startswith("a is better than b: a model of a beats one of b with probability 0.8")
    assert state.lines()[0].endswith(f"; decided after {state.verdicts[0].decided_at} models of each.")


def test_what_is_open_says_its_evidence_and_the_pace():
    rng = np.random.default_rng(1)
    state = standing({"a": table(rng.normal(5, 1, 24)), "b": table(rng.normal(5.8, 1, 24))})
    (verdict,), (line,) = state.verdicts, state.lines()
    now, needed = evidence(verdict)
    assert (now, needed) == (1 / verdict.adjusted, pytest.approx(20))
    assert 2 < now < 20
    more = round(24 * (math.log(20) / math.log(now) - 1))
    assert line.endswith(f"; evidence {now:.2g} of 20 after 24 models of each, at this pace some {more} more.")
    few = standing({"a": table([1.0, 2.0]), "b": table([3.0])}).lines()
    assert few == [
        "2 and 1 models cannot decide between a and b: it takes at least 10 of each, as one of 2 comparisons."
    ]


def test_nothing_is_decided_while_a_study_has_no_model():
    state = standing({"a": table([1.0] * 30), "b": table([3.0], r0="pending")})
    assert (state.decided, state.models) == (False, 0)
    assert state.lines() == ["30 and 0 models cannot decide between a and b: it takes at least 9 of each."]


def test_evidence_for_equivalence_counts_where_it_is_more():
    values = np.random.default_rng(2).normal(5, 1, 100)
    (verdict,) = standing({"a": table(values), "b": table(values[::-1])}, margin=Margin(0.2)).verdicts
    assert verdict.equivalence_adjusted < verdict.adjusted
    assert evidence(verdict)[0] == 1 / verdict.equivalence_adjusted

import math

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.decisions import decisions
from dsx.analysis.standing import evidence, standing
from dsx.analysis.verdict import Margin


def table(errors, **changed):
    """A results table; changed: row → state, as `r3="pending"`."""
    rows = pd.DataFrame({"model_id": [f"m{i}" for i in range(len(errors))], "state": "done", "error": errors})
    for name, state in changed.items():
        rows.loc[int(name[1:]), "state"] = state
        if state not in ("done", "diverged"):
            rows.loc[int(name[1:]), "error"] = np.nan
    return rows


def test_a_standing_is_what_an_analysis_states_at_any_look():
    rng = np.random.default_rng(0)
    errors = {"a": rng.normal(5, 1, 60), "b": rng.normal(6.5, 1, 80), "c": rng.normal(5, 1, 70)}
    tables = {name: table(values, r50="pending") for name, values in errors.items()}
    state = standing(tables, margin=Margin(0.1))
    assert list(state.verdicts) == decisions(tables, margin=Margin(0.1), looks="any").pairs
    assert [v.n_a for v in state.verdicts] == [50, 50, 50]  # up to the first that is still to be trained
    assert [v.decision for v in state.verdicts] == ["a better", "undecided", "b better"]
    assert not state.decided
    assert standing({name: tables[name] for name in "ab"}).decided
    assert state.lines()[0].startswith("a is better than b: a model of a beats one of b with probability 0.8")
    assert state.lines()[0].endswith(f"; decided after {state.verdicts[0].decided_at} models of each.")


def test_a_study_without_a_trained_model_leaves_it_open():
    errors = np.random.default_rng(0).normal(5, 1, 60)
    tables = {"a": table(errors), "b": table(errors + 3), "c": table([1.0], r0="pending")}
    state = standing(tables)
    assert [v.decision for v in state.verdicts] == ["a better"]
    assert not state.decided
    assert state.lines()[0] == "No model of c is trained yet."


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


def test_evidence_for_equivalence_counts_where_it_is_more():
    values = np.random.default_rng(2).normal(5, 1, 100)
    (verdict,) = standing({"a": table(values), "b": table(values[::-1])}, margin=Margin(0.2)).verdicts
    assert verdict.equivalence_adjusted < verdict.adjusted
    assert evidence(verdict)[0] == 1 / verdict.equivalence_adjusted

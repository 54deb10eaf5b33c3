"""Narrowing finds what was planted, takes rules one after the other, and little of what was not planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.narrowing.candidates import narrowed
from dsx.narrowing.importance import importance
from dsx.narrowing.proposal import judge_afresh, narrow_forwards, propose
from dsx.spaces.conditional import accepted, settings_of

from simulated_narrowing import NOTHING, ORDER, SHARE, TOTAL, Planted, Pool, outside, rates

SPACE = dsx.load_space("AnyNetXA-digits")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool("AnyNetXA", n=4500, reference=2500)


@pytest.mark.parametrize("planted", [TOTAL, ORDER, SHARE], ids=lambda p: p.title)
def test_what_was_planted_is_found_inside_a_tight_window(pool: Pool, planted: Planted) -> None:
    row = rates([pool.narrowed(planted, 100, seed) for seed in range(10)], planted)
    assert row["all"] >= 6 / 10  # P(fewer) < 1 % at a power of 0.9
    assert row["other"] <= 3 / 10


def test_nothing_is_found_where_nothing_was_planted(pool: Pool) -> None:
    assert rates([pool.narrowed(NOTHING, 60, seed) for seed in range(20)], NOTHING)["other"] <= 4 / 20


def test_both_ends_of_a_depth_window_are_taken_one_after_the_other() -> None:
    regnet = Pool("RegNetX", n=3500, reference=2500)
    planted = Planted("depth", "RegNetX", None, (("depth", "low"), ("depth", "high")))
    table = regnet.study(np.zeros(3500), 250, seed=0)
    table["error"] = (
        5 + 2.5 * outside("depth", 12, 20)(lambda name: table[name]) + np.random.default_rng(0).normal(size=250)
    )
    steps = narrow_forwards(regnet.space, table, reference=regnet.values[:2500])
    assert {(s.taken.quantity, s.taken.end) for s in steps[:2]} == set(planted.rules)
    depth = steps[2].space.parameters["depth"]
    assert 11 <= depth.low <= 13
    assert 19 <= depth.high <= 21
    # judged among the models that keep the first
    first = steps[0].taken
    assert steps[1].models == first.keeps(regnet.space, table).sum()


def with_errors(table: pd.DataFrame, effect: np.ndarray, seed: int = 0, noise: float = 0.3) -> pd.DataFrame:
    error = 3 + effect + np.random.default_rng(seed).normal(0, noise, len(table))
    return table.assign(state="done", error=error, run_id=table["model_id"])


def widths(table: pd.DataFrame) -> np.ndarray:
    return table[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return dsx.sample(SPACE, n=240, seed=1).table


@pytest.fixture(scope="module")
def steps_down(population: pd.DataFrame) -> np.ndarray:
    return (np.diff(widths(population), axis=1) < 0).sum(axis=1)


def test_a_candidate_says_rule_change_evidence_and_freedom(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    best = propose(SPACE, with_errors(population, 0.5 * steps_down), ["width"])[0]
    assert best.words == "width: values never decrease from stage to stage"
    assert best.change == {"rules": {"width": "non_decreasing"}}
    assert best.evidence.supported
    assert best.evidence.pvalue <= 0.05
    assert "after correction for" in best.evidence.words
    assert best.freedom == 0
    assert np.array_equal(best.keeps(SPACE, population), steps_down == 0)


def test_every_change_makes_a_space_of_just_the_models_that_keep_the_rule(population: pd.DataFrame) -> None:
    proposed = propose(SPACE, with_errors(population, np.zeros(240)))
    assert {c.kind for c in proposed} == {"range", "order", "derived", "sharing"}
    settings = settings_of(SPACE, population)
    for candidate in proposed:
        if candidate.kind != "sharing":
            kept = accepted(narrowed(SPACE, candidate), settings_for(candidate, settings, population))
            assert np.array_equal(kept, candidate.keeps(SPACE, population)), candidate.words


def settings_for(candidate, settings, population):
    """Ranges are no rules that `accepted` looks at: models outside become ones that break the window."""
    if candidate.kind != "range":
        return settings
    ends = narrowed(SPACE, candidate).parameters[candidate.parameter]
    values = settings[candidate.parameter]
    inside = np.isin(values, ends.values).all(axis=1)
    return {**settings, "width": np.where(inside[:, None], settings["width"], 4096)}


def test_one_value_for_all_stages_removes_degrees_of_freedom(population: pd.DataFrame) -> None:
    shared = [c for c in propose(SPACE, with_errors(population, np.zeros(240)), ["group_width"]) if c.kind == "sharing"]
    (candidate,) = shared
    assert candidate.change == {"parameters": {"group_width": {"per": "network"}}}
    assert candidate.freedom == 3
    values = population[[f"group_width_{i}" for i in range(1, 5)]].to_numpy()
    assert np.array_equal(candidate.keeps(SPACE, population), (values == values[:, :1]).all(axis=1))


def test_fresh_models_confirm_a_true_rule_and_not_a_false_one(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    best = propose(SPACE, with_errors(population, 0.5 * steps_down), ["width"])[0]
    fresh = dsx.sample(SPACE, n=200, seed=9).table
    down = (np.diff(widths(fresh), axis=1) < 0).sum(axis=1)
    true = judge_afresh(best, SPACE, with_errors(fresh, 0.5 * down, seed=1))
    assert true.supported
    assert true.looks == 1
    assert true.kept == (down == 0).sum()
    assert not judge_afresh(best, SPACE, with_errors(fresh, -0.5 * down, seed=1)).supported
    with pytest.raises(DsxError, match="keep it and 1 do not: at least 2 of each are needed to test it"):
        judge_afresh(best, SPACE, with_errors(fresh[(down == 0) | (np.arange(200) == np.argmax(down))], 0.0))


def test_proposals_are_a_function_of_their_arguments(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    table = with_errors(population, 0.1 * steps_down)
    assert propose(SPACE, table) == propose(SPACE, table)


def test_few_models_and_unknown_parameters_are_refused(population: pd.DataFrame) -> None:
    with pytest.raises(DsxError, match="11 finished models: at least 12 are needed"):
        propose(SPACE, with_errors(population[:11], np.zeros(11)))
    with pytest.raises(DsxError, match=r"'widht' is no sampled parameter of AnyNetXA-digits\. Did you mean width\?"):
        propose(SPACE, with_errors(population, np.zeros(240)), ["widht"])


def test_importance_of_a_space_names_the_parameter_that_decides(population: pd.DataFrame) -> None:
    effect = np.where(population["depth_4"] <= 2, 1.0, 0.0)
    table = importance(SPACE, with_errors(population, effect))
    first = table[(table["outcome"] == "error") & (table["with"] == "")].iloc[0]
    assert first["parameter"] == "depth_4"
    assert first["pvalue_corrected"] <= 0.05
    assert first["strength"] > first["null_line"]


def test_listed_values_are_cut_with_their_weights_and_read_back() -> None:
    space = dsx.load_space("NDS-ResNet", {"parameters.depth.weights": [1, 2, 3, 4, 5, 6, 7, 8, 9]})
    table = dsx.sample(space, n=80, seed=0).table
    lowest = table[["depth_1", "depth_2", "depth_3"]].min(axis=1).to_numpy()
    proposed = propose(space, with_errors(table, np.where(lowest < 4, 2.0, 0.0)), ["depth"])
    (low,) = [c for c in proposed if c.kind == "range" and c.end == "low"]
    assert low.evidence.supported
    assert low.change == {"parameters": {"depth": {"values": [4, 6, 8, 12, 16, 24], "weights": [4.0, 5, 6, 7, 8, 9]}}}
    depths = narrowed(space, low).parameters["depth"]
    assert depths.values.tolist() == [4, 6, 8, 12, 16, 24]
    assert depths.masses[0] == pytest.approx(4 / 39)

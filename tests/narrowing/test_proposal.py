"""Narrowing finds what was planted, takes rules one after the other, and little of what was not planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.narrowing.proposal import judge_afresh, narrow_forwards, propose
from dsx.recipes.metric import Metric

from simulated_narrowing import NOTHING, ORDER, SHARE, TOTAL, Planted, Pool, outside, rates

SPACE = dsx.load_space("AnyNetXA-digits")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool("AnyNetXA", n=4500, reference=2500)


@pytest.mark.slow
@pytest.mark.parametrize("planted", [TOTAL, ORDER, SHARE], ids=lambda p: p.title)
def test_what_was_planted_is_found_inside_a_tight_window(pool: Pool, planted: Planted) -> None:
    row = rates([pool.narrowed(planted, 100, seed) for seed in range(10)], planted)
    assert row["all"] >= 6 / 10  # P(fewer) < 1 % at a power of 0.9
    assert row["other"] <= 3 / 10


@pytest.mark.slow
def test_nothing_is_found_where_nothing_was_planted(pool: Pool) -> None:
    assert rates([pool.narrowed(NOTHING, 60, seed) for seed in range(20)], NOTHING)["other"] <= 4 / 20


@pytest.mark.slow
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


@pytest.mark.slow
def test_fresh_models_confirm_a_true_rule_and_not_a_false_one(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    best = propose(SPACE, with_errors(population, 0.5 * steps_down), ["width"])[0]
    fresh = dsx.sample(SPACE, n=200, seed=9).table
    down = (np.diff(widths(fresh), axis=1) < 0).sum(axis=1)
    true = judge_afresh(best, SPACE, with_errors(fresh, 0.5 * down, seed=1))
    assert true.supported
    assert true.looks == 1
    # told apart at two of three steps, as few models keep the order wholly
    assert best.cut == pytest.approx(2 / 3)
    assert true.kept == (down <= 1).sum()
    assert true.words.startswith(f"{true.kept} fresh models have at least 67 % of their steps that way, ")
    assert true.words_by(Metric(name="ap", better="higher")).count("the higher ap in ") == 1
    assert not judge_afresh(best, SPACE, with_errors(fresh, -0.5 * down, seed=1)).supported
    with pytest.raises(DsxError, match="keep it and 1 do not: at least 2 of each are needed to test it"):
        judge_afresh(best, SPACE, with_errors(fresh[(down <= 1) | (np.arange(200) == np.argmax(down))], 0.0))


@pytest.mark.slow
def test_proposals_are_a_function_of_their_arguments(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    table = with_errors(population, 0.1 * steps_down)
    assert propose(SPACE, table) == propose("AnyNetXA-digits", table)


def test_few_models_and_unknown_parameters_are_refused(population: pd.DataFrame) -> None:
    with pytest.raises(DsxError, match="11 finished models: at least 12 are needed"):
        propose(SPACE, with_errors(population[:11], np.zeros(11)))
    with pytest.raises(DsxError, match=r"'widht' is no sampled parameter of AnyNetXA-digits\. Did you mean width\?"):
        propose(SPACE, with_errors(population, np.zeros(240)), ["widht"])

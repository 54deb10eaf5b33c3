"""Importance finds what matters, in any shape, and gives nothing to what only borrows."""

from __future__ import annotations

import numpy as np
import pytest
from error_laws import LAWS
from scipy.stats import kstest
from simulated_importance import Planted

from dsx.analysis import importance_table
from dsx.analysis.importance import outcome_scores, strengths_of
from dsx.base.errors import DsxError


def tied(n: int, seed: int) -> dict[str, np.ndarray]:
    """a and b are tied (correlation 0.8), c is free; all normal."""
    rng = np.random.default_rng([3, seed])
    a = rng.normal(size=n)
    return {"a": a, "b": 0.8 * a + 0.6 * rng.normal(size=n), "c": rng.normal(size=n)}


def given_others(values: dict[str, np.ndarray], seed: int):
    """Exact draws of one given the others."""

    def resample(name: str, draws: int) -> np.ndarray:
        noise = np.random.default_rng([4, seed, ord(name)]).normal(size=(draws, len(values["a"])))
        other = {"a": "b", "b": "a"}.get(name)
        return noise if other is None else 0.8 * values[other] + 0.6 * noise

    return resample


def table_of(values, errors, seed: int = 0):
    table = importance_table(values, errors, given_others(values, seed))
    return table[table["with"] == ""].set_index(["outcome", "parameter"])


@pytest.mark.slow
def test_what_matters_is_told_from_what_borrows_from_it() -> None:
    values = tied(150, 0)
    table = table_of(values, values["a"] + np.random.default_rng(0).normal(size=150))
    assert table.loc[("error", "a"), "pvalue_corrected"] <= 0.05
    assert table.loc[("error", "b"), "pvalue_alone_corrected"] <= 0.05
    assert table.loc[("error", "b"), "pvalue_corrected"] > 0.05
    assert table.loc[("error", "c"), "pvalue_alone"] > 0.05
    assert table.loc[("error", "b"), "null"] > 0.1
    assert table.loc[("error", "a"), "freedom"] == pytest.approx(0.36, abs=0.12)
    assert table.loc[("error", "c"), "freedom"] == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_the_best_in_the_middle_is_found() -> None:
    values = tied(120, 1)
    errors = 1.0 * (np.abs(values["c"]) > 0.5) + np.random.default_rng(1).normal(size=120) * 0.5
    table = table_of(values, errors)
    assert table.loc[("error", "c"), "pvalue_corrected"] <= 0.05
    assert table.loc[("best tenth", "c"), "pvalue_corrected"] <= 0.05


@pytest.mark.slow
def test_pvalues_of_no_part_of_its_own_are_uniform() -> None:
    pvalues = []
    for seed in range(150):
        values = tied(40, seed)
        errors = values["a"] + np.random.default_rng([5, seed]).normal(size=40)
        drawn = given_others(values, seed)("b", 199)
        scores = {"error": outcome_scores(errors, "error")}
        pvalues.append(strengths_of(values["b"], drawn, scores, 0.95, [seed])[1]["error"].pvalue)
    assert kstest(pvalues, "uniform").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("effect", "size"), [("line", 0.0), ("line", 4.0), ("bend", 1.5), ("product", 4.0)])
def test_intervals_of_strength_cover_what_they_say(
    law: str, effect: str, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsx.analysis.importance.DRAWS", 19)
    planted = Planted(law, effect, size)
    truth = planted.truth() if size else 0.0
    hits = 0
    for seed in range(200):
        low, high = planted.interval(np.random.default_rng([6, seed]), 50)
        hits += low <= truth <= high
    # of 200 intervals that cover 95 % or more, fewer than 181 hold it with a chance of 0.2 %
    assert hits >= 181


@pytest.mark.slow
def test_a_pair_that_matters_together_is_found_and_one_that_adds_up_is_not() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(-1, 1, (2, 200))
    values = {"a": x, "c": y}

    def resample(name: str, draws: int) -> np.ndarray:
        return np.random.default_rng([8, ord(name)]).uniform(-1, 1, (draws, 200))

    for effect, together in ((2 * x * y, True), (x + y, False)):
        table = importance_table(values, effect + 0.5 * rng.normal(size=200), resample)
        (pair,) = table[(table["with"] != "") & (table["outcome"] == "error")].to_dict("records")
        assert (pair["parameter"], pair["with"]) == ("a", "c")
        assert (pair["pvalue_corrected"] <= 0.05) == together


def test_the_best_tenth_shares_ties_and_is_of_low_errors() -> None:
    errors = np.array([1.0, 2.0, 2.0, *range(3, 20)])
    scores = outcome_scores(errors, "best tenth")
    assert scores.sum() == pytest.approx(0)
    assert scores[1] == scores[2]
    assert scores[0] < scores[1] < scores[3]
    assert scores[3] - scores[0] == pytest.approx(1)


def test_a_parameter_without_freedom_has_no_part_that_could_be_told() -> None:
    values = tied(60, 0)
    errors = values["a"] + 0.1 * np.random.default_rng(0).normal(size=60)
    scores = outcome_scores(errors, "error")
    _, strengths = strengths_of(values["a"], np.tile(values["a"], (99, 1)), {"error": scores}, 0.95, [0])
    found = strengths["error"]
    assert found.freedom == pytest.approx(0)
    assert found.pvalue == 1
    assert found.null == pytest.approx(found.strength)
    assert found.pvalue_alone == pytest.approx(0.001)


def test_what_one_parameter_decides_alone_leaves_the_pairs_nothing() -> None:
    values = {"a": np.arange(40) % 2 * 1.0, "c": np.random.default_rng(0).uniform(size=40)}
    table = importance_table(values, values["a"], lambda name, draws: np.tile(values[name], (draws, 1)))
    alone, _, pair = table[table["outcome"] == "error"].to_dict("records")
    assert (alone["parameter"], pair["with"]) == ("a", "c")
    assert alone["strength"] == pytest.approx(1)
    assert pair["low"] <= pair["strength"] <= pair["high"] < 1e-6
    assert pair["pvalue"] > 0.05


def test_few_models_and_unequal_lengths_are_refused() -> None:
    values = tied(19, 0)
    with pytest.raises(DsxError, match=r"^importance: 19 finished models: at least 20 are needed$"):
        importance_table(values, np.arange(19.0), given_others(values, 0))
    values = tied(30, 0)
    with pytest.raises(DsxError, match=r"^importance: 30 values of a for 25 models: give one per model$"):
        importance_table(values, np.arange(25.0), given_others(values, 0))

"""A candidate's rule, its change of the definition and its evidence say one thing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.narrowing.candidates import Candidate, RuleEvidence, changed, narrowed, stage_values, written
from dsx.narrowing.proposal import propose
from dsx.recipes.metric import Metric
from dsx.spaces.conditional import accepted, settings_of

SPACE = dsx.load_space("AnyNetXA-digits")
SEEN = RuleEvidence(10, 10, 0.8, 0.01, 5, True, "seen.")


def test_evidence_is_told_of_the_metric_whose_errors_it_holds() -> None:
    evidence = RuleEvidence(10, 12, 0.8, 0.01, 5, True, "10 keep it, 12 do not", "p = 0.01", (3.0, 4.5))
    assert evidence.words == (
        "10 keep it, 12 do not: median error 3.00 against 4.50 %, the lower error in 80 % of pairs; p = 0.01."
    )
    assert evidence.words_by(Metric(name="ap", better="higher")) == (
        "10 keep it, 12 do not: median ap −3.00 against −4.50, the higher ap in 80 % of pairs; p = 0.01."
    )
    assert evidence.words_by(Metric(name="ap", unit="%", better="higher")) == (
        "10 keep it, 12 do not: median ap 97.00 against 95.50 %, the higher ap in 80 % of pairs; p = 0.01."
    )
    assert SEEN.words_by(Metric(name="ap", better="higher")) == SEEN.words == "seen."


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return dsx.sample(SPACE, n=240, seed=1).table


@pytest.fixture(scope="module")
def steps_down(population: pd.DataFrame) -> np.ndarray:
    widths = population[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)
    return (np.diff(widths, axis=1) < 0).sum(axis=1)


def with_errors(table: pd.DataFrame, effect: np.ndarray) -> pd.DataFrame:
    error = 3 + effect + np.random.default_rng(0).normal(0, 0.3, len(table))
    return table.assign(state="done", error=error, run_id=table["model_id"])


@pytest.mark.slow
def test_a_candidate_says_rule_change_evidence_and_freedom(population: pd.DataFrame, steps_down: np.ndarray) -> None:
    best = propose(SPACE, with_errors(population, 0.5 * steps_down), ["width"])[0]
    assert best.words == "width: values never decrease from stage to stage"
    assert best.change == {"rules": {"width": "non_decreasing"}}
    assert best.evidence.supported
    assert best.evidence.pvalue <= 0.05
    assert "after correction for" in best.evidence.words
    assert best.freedom == 0
    assert np.array_equal(best.keeps(SPACE, population), steps_down == 0)


def settings_for(candidate, settings, population):
    """Ranges are no rules that `accepted` looks at: models outside become ones that break the window."""
    if candidate.kind != "range":
        return settings
    ends = narrowed(SPACE, candidate).parameters[candidate.parameter]
    values = settings[candidate.parameter]
    inside = np.isin(values, ends.values).all(axis=1)
    return {**settings, "width": np.where(inside[:, None], settings["width"], 4096)}


@pytest.mark.slow
def test_every_change_makes_a_space_of_just_the_models_that_keep_the_rule(population: pd.DataFrame) -> None:
    proposed = propose(SPACE, with_errors(population, np.zeros(240)))
    assert {c.kind for c in proposed} == {"range", "order", "derived", "sharing"}
    settings = settings_of(SPACE, population)
    for candidate in proposed:
        if candidate.kind != "sharing":
            kept = accepted(narrowed(SPACE, candidate), settings_for(candidate, settings, population))
            assert np.array_equal(kept, candidate.keeps(SPACE, population)), candidate.words


def test_one_value_for_all_stages_removes_degrees_of_freedom(population: pd.DataFrame) -> None:
    shared = [c for c in propose(SPACE, with_errors(population, np.zeros(240)), ["group_width"]) if c.kind == "sharing"]
    (candidate,) = shared
    assert candidate.change == {"parameters": {"group_width": {"per": "network"}}}
    assert candidate.freedom == 3
    values = population[[f"group_width_{i}" for i in range(1, 5)]].to_numpy()
    assert np.array_equal(candidate.keeps(SPACE, population), (values == values[:, :1]).all(axis=1))


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("quantity", "end", "kept"), [("lowest depth", "low", lambda d: d.min(axis=1) >= 2),
                                  ("highest depth", "high", lambda d: d.max(axis=1) <= 2)],
)  # fmt: skip
def test_models_on_the_bound_keep_the_rule(quantity, end, kept, population: pd.DataFrame) -> None:
    candidate = Candidate("depth", "range", "", {}, SEEN, quantity=quantity, end=end, bound=2.0)
    depths = stage_values(SPACE, "depth", population)
    assert depths.shape == (240, 4)
    expected = kept(depths)
    assert 0 < expected.sum() < 240
    assert np.array_equal(candidate.keeps(SPACE, population), expected)


def test_several_rules_hold_together() -> None:
    rules = [
        Candidate("width", "order", "", {"rules": {"width": "non_decreasing"}}, SEEN),
        Candidate("group_width", "sharing", "", {"parameters": {"group_width": {"per": "network"}}}, SEEN),
    ]
    space = narrowed(SPACE, *rules)
    assert space.rules["width"].order == "non_decreasing"
    assert space.parameters["group_width"].per == "network"
    assert space.parameters["depth"] == SPACE.parameters["depth"]
    assert "width" not in SPACE.rules


def test_a_definition_is_written_as_files_have_it_and_read_back() -> None:
    space = dsx.load_space("NDS-ResNet")
    assert written(space)["parameters"]["depth"]["values"] == space.to_dict()["parameters"]["depth"]["values_"]
    assert changed(space) == space

"""Which models of a wider space lie in a narrower one, and that a refinement survives being written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.designing.refinement import Refinement, contained

SPACE = dsx.load_space("AnyNetXA-digits")
MODELS = dsx.sample(SPACE, 200, seed=3).table


def columns(name: str) -> np.ndarray:
    return MODELS[[f"{name}_{i}" for i in range(1, 5)]].to_numpy()


def refinement(change: dict, kind: str = "range", exact: bool = True) -> Refinement:
    return Refinement("words", kind, change, "evidence", True, exact)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"rules": {"width": "non_decreasing"}}, (np.diff(columns("width"), axis=1) >= 0).all(axis=1)),
        ({"rules": {"deep": "total_depth >= 8"}}, columns("depth").sum(axis=1) >= 8),
        ({"parameters": {"depth": {"high": 3}}}, columns("depth").max(axis=1) <= 3),
        ({"parameters": {"bottleneck_ratio": {"low": 2}}}, columns("bottleneck_ratio").min(axis=1) >= 2),
        ({"constraints": {"params": ":30k"}}, MODELS["params"].to_numpy() <= 30_000),
    ],
)
def test_models_of_a_narrower_space_are_those_that_keep_its_rules(change: dict, kept: np.ndarray) -> None:
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(contained(refinement(change).applied(SPACE), MODELS), kept)


def test_fresh_models_of_a_narrower_space_are_all_contained() -> None:
    narrower = refinement({"rules": {"width": "non_decreasing"}, "parameters": {"depth": {"low": 2}}}).applied(SPACE)
    assert contained(narrower, dsx.sample(narrower, 50, seed=1).table).all()


def test_models_that_keep_a_rule_have_the_law_of_the_narrower_space() -> None:
    """What is reused is as what would be drawn: total depths of both, by a two-sample test."""
    from scipy import stats

    narrower = refinement({"parameters": {"depth": {"high": 3}}}).applied(SPACE)
    wide, fresh = dsx.sample(SPACE, 2500, seed=8).table, dsx.sample(narrower, 1000, seed=9).table
    kept = wide[contained(narrower, wide)]
    for name in ("depth", "width", "group_width"):
        both = [t[[f"{name}_{i}" for i in range(1, 5)]].sum(axis=1) for t in (kept, fresh)]
        assert stats.ks_2samp(*both).pvalue > 0.001, name


def test_a_space_of_continuous_parameters_and_of_one_value() -> None:
    space = dsx.load_space("RegNetX-digits", {"parameters.wa": {"distribution": "uniform", "low": 4, "high": 60}})
    table = dsx.sample(space, 60, seed=1).table
    narrower = refinement({"parameters": {"wa": {"low": 20.5}}}).applied(space)
    np.testing.assert_array_equal(contained(narrower, table), table["wa"].to_numpy() >= 20.5)


def test_no_model_is_contained_where_none_keeps_the_rule() -> None:
    narrower = refinement({"rules": {"deep": "total_depth >= 99"}}).applied(SPACE)
    assert not contained(narrower, MODELS).any()


def test_a_refinement_is_the_same_after_it_was_written() -> None:
    made = refinement({"rules": {"width": "non_decreasing"}}, "order")
    assert Refinement.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert made.key == ("order", "words", "")
    assert made.applied(SPACE, "X-1").name == "X-1"


def test_a_table_of_results_serves_as_well_as_a_population() -> None:
    narrower = refinement({"rules": {"deep": "total_depth >= 8"}}).applied(SPACE)
    results = pd.concat([MODELS, MODELS]).assign(error=1.0)
    assert contained(narrower, results).sum() == 2 * contained(narrower, MODELS).sum()

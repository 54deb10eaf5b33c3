"""Importance of a space's parameters by its models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.narrowing.importance import importance

SPACE = dsx.load_space("AnyNetXA-digits")


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return dsx.sample(SPACE, n=240, seed=1).table


def with_errors(table: pd.DataFrame, effect: np.ndarray) -> pd.DataFrame:
    return table.assign(state="done", error=3 + effect + np.random.default_rng(0).normal(0, 0.3, len(table)))


@pytest.mark.slow
def test_importance_of_a_space_names_the_parameter_that_decides(population: pd.DataFrame) -> None:
    effect = np.where(population["depth_4"] <= 2, 1.0, 0.0)
    table = importance("AnyNetXA-digits", with_errors(population, effect))
    first = table[(table["outcome"] == "error") & (table["with"] == "")].iloc[0]
    assert first["parameter"] == "depth_4"
    assert first["pvalue_corrected"] <= 0.05
    assert first["strength"] > first["null_line"]


# depths alone vary, so that the tests below are quick
FEW = {"parameters.width": 32, "parameters.group_width": 8, "parameters.bottleneck_ratio": 1, "constraints": None}


@pytest.mark.slow
def test_only_finished_models_count() -> None:
    space = dsx.load_space("AnyNetXA-digits", FEW)
    population = dsx.sample(space, n=40, seed=1).table
    table = with_errors(population[:25], np.where(population["depth_1"][:25] <= 2, 1.0, 0.0))
    waiting = population[25:].assign(state="pending", error=np.nan)
    pd.testing.assert_frame_equal(importance(space, pd.concat([table, waiting])), importance(space, table))


@pytest.mark.slow
def test_a_parameter_of_text_is_left_out() -> None:
    activation = {"distribution": "choice", "values": ["relu", "silu"]}
    space = dsx.load_space("AnyNetXA-digits", {**FEW, "parameters.activation": activation})
    table = dsx.sample(space, n=40, seed=0).table
    named = set(importance(space, with_errors(table, np.where(table["activation"] == "relu", 1.0, 0.0)))["parameter"])
    assert "activation" in table
    assert "depth_1" in named
    assert "activation" not in named

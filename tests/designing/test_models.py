"""Fresh models are fresh, their order is fixed, and what a function gave is not asked for again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.designing.models import Batch, FunctionSource, batch_seed, fresh
from dsx.spaces.population import Model

SPACE = dsx.load_space("AnyNetXA-digits")


@pytest.mark.slow
def test_fresh_models_were_not_seen_and_the_first_of_more_are_those_of_fewer() -> None:
    seen = set(dsx.sample(SPACE, 10, seed=4).model_ids)
    few, many = (fresh(SPACE, n, 4, seen).model_ids for n in (15, 40))
    assert many[:15] == few
    assert not seen & set(many)
    assert many == dsx.sample(SPACE, 50, seed=4).model_ids[10:]


@pytest.mark.slow
def test_only_models_that_are_to_be_kept_come() -> None:
    deep = fresh(SPACE, 30, 5, keep=lambda columns: sum(columns[f"depth_{i}"] for i in range(1, 5)) >= 12)
    assert len(deep) == 30
    assert sum(deep.settings[f"depth_{i}"] for i in range(1, 5)).min() >= 12


@pytest.mark.slow
def test_a_space_that_is_used_up_gives_what_it_has() -> None:
    fixed = {f"parameters.{name}.per": "network" for name in ("depth", "width", "bottleneck_ratio", "group_width")}
    small = dsx.load_space("AnyNetXA-digits", fixed)
    everything = fresh(small, 10_000, 0)
    assert 0 < len(everything) < 10_000
    seen = set(everything.model_ids[:-3])
    assert set(fresh(small, 10, 0, seen).model_ids) == set(everything.model_ids[-3:])


def test_no_model_is_evaluated_twice_nor_after_a_torn_line_again_without_need(tmp_path: Path) -> None:
    asked: list[str] = []

    def evaluate(model: Model) -> float:
        asked.append(model.model_id)
        return math.nan if len(asked) == 2 else 5.0

    population = dsx.sample(SPACE, 6, seed=1)
    table = FunctionSource(evaluate, tmp_path).tables([Batch("01", SPACE, population.first(4), 1)])[0]
    assert list(table["state"]) == ["done", "failed", "done", "done"]
    assert list(table["model_id"]) == population.model_ids[:4] == asked
    lines = (tmp_path / "errors.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "errors.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:9])
    again = FunctionSource(evaluate, tmp_path).tables([Batch("01", SPACE, population, 1)])[0]
    assert asked[4:] == population.model_ids[3:]
    assert np.isnan(again["error"]).sum() == 1
    FunctionSource(evaluate, tmp_path).tables([Batch("01", SPACE, population, 1)])
    assert len(asked) == 7


def test_every_batch_has_a_seed_of_its_own() -> None:
    seeds = {batch_seed(seed, number) for seed in range(50) for number in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**61 for seed in seeds)


@pytest.mark.parametrize(("given", "shown"), [(None, "None"), ("a", "'a'")])
def test_an_evaluation_that_gives_no_number_is_told_with_the_model(given: object, shown: str) -> None:
    with pytest.raises(DsxError) as told:
        dsx.design("AnyNetXA-digits", lambda model: given, budget=48)  # type: ignore[arg-type, return-value]
    assert str(told.value).startswith(f"evaluate gave {shown} for model ")
    assert str(told.value).endswith(": expected its error, a number")

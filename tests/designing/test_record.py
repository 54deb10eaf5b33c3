"""A walk in small files is the walk: gone through again it ends as it did, and trains nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.commands.design import DesignRequest, design
from dsx.designing.account import told
from dsx.designing.record import save, walk_of
from dsx.launch.options import LaunchOptions
from dsx.study.study import open_study


@pytest.mark.slow
def test_a_saved_walk_ends_as_the_one_it_was_made_of(tmp_path: Path) -> None:
    options = LaunchOptions(device="cpu", progress=False, trainer="standins:shallow_train")
    request = DesignRequest(tmp_path / "walk", "AnyNetXA-digits", "digits", 90, on="debug", options=options)
    designed = design(request, lambda _: None)
    target = save(tmp_path / "walk", tmp_path / "kept")
    again = walk_of(target)
    ending = walk_of(target).run()
    assert told(again, ending) == list(designed.lines[:-1])
    assert sorted(path.name for path in target.iterdir()) == ["decisions", "design.yaml", "models.parquet", "spaces"]
    last = target / "spaces" / f"{again.space.name}.yaml"
    assert dsx.load_space(last).definition_hash == again.space.definition_hash
    # a copy goes on: nothing is trained that was kept, even where only a part of a batch was
    models = pd.read_parquet(target / "models.parquet")
    lost = models["model_id"].iloc[[3, 50]]
    models[~models["model_id"].isin(lost)].to_parquet(target / "models.parquet")
    on = design(replace(request, out=target, space=None, recipe=None, models=None), lambda _: None)
    assert on.lines[:-1] == designed.lines[:-1]
    trained = [study for path in target.glob("*/study.yaml") for study in [open_study(path.parent)]]
    assert sorted(i for study in trained for i in study.population.model_ids) == sorted(lost)
    saved = save(target, tmp_path / "again")
    assert len(pd.read_parquet(saved / "models.parquet")) == again.spent


def test_a_folder_without_a_walk_is_told(tmp_path: Path) -> None:
    with pytest.raises(DsxError, match=r"no walk here \(no design\.yaml\)"):
        save(tmp_path, tmp_path / "kept")
    with pytest.raises(DsxError, match=r"no walk here \(no design\.yaml\)"):
        walk_of(tmp_path)

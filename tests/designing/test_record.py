"""A walk in small files is the walk: gone through again it ends as it did, and trains nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.commands.design import DesignRequest, design
from dsx.designing.account import told
from dsx.designing.record import save, walk_of
from dsx.launch.options import LaunchOptions


@pytest.mark.slow
def test_a_saved_walk_ends_as_the_one_it_was_made_of(tmp_path: Path) -> None:
    options = LaunchOptions(device="cpu", progress=False, trainer="standins:shallow_train")
    request = DesignRequest(tmp_path / "walk", "AnyNetXA-digits", "digits", 90, on="debug", options=options)
    designed = design(request, lambda _: None)
    target = save(tmp_path / "walk", tmp_path / "kept")
    again = walk_of(target)
    assert told(again, again.run()) == list(designed.lines[:-1])
    assert sorted(path.name for path in target.iterdir()) == [
        "decisions.json",
        "design.yaml",
        "models.parquet",
        "spaces",
    ]
    last = target / "spaces" / f"{again.space.name}.yaml"
    assert dsx.load_space(last).definition_hash == again.space.definition_hash


def test_a_folder_without_a_walk_is_told(tmp_path: Path) -> None:
    with pytest.raises(DsxError, match=r"no walk here \(no design\.yaml\)"):
        save(tmp_path, tmp_path / "kept")
    with pytest.raises(DsxError, match=r"no walk here \(no design\.yaml\)"):
        walk_of(tmp_path)

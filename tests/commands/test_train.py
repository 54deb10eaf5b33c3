"""`dsx train`: a study of one network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Command


@pytest.mark.slow
def test_one_network_is_trained_as_a_study_of_one(dsx_process: Command, tmp_path: Path) -> None:
    stage = {"block": "x", "depth": 1, "width": 16, "stride": 2, "group_width": 8}
    (tmp_path / "small.json").write_text(json.dumps({"stem": {"type": "cifar", "width": 8}, "stages": [stage]}))
    done = dsx_process("train", "./small.json", "--recipe", "digits", "recipe.epochs=1")
    assert done.code == 0, done.err
    (record,) = (tmp_path / "runs" / "small" / "models").rglob("result.json")
    assert json.loads(record.read_text())["state"] == "done"
    assert "done" in done.out.splitlines()[-1]


@pytest.mark.slow
def test_images_too_small_for_a_published_network_are_scaled_up(dsx_process: Command, tmp_path: Path) -> None:
    done = dsx_process("train", "RegNetX-200MF", "--recipe", "digits", "recipe.epochs=1")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == (
        "RegNetX-200MF reduces images 32-fold: those of recipe digits are scaled up from 8×8 to 32×32"
        " (recipe.resolution=32)"
    )
    (record,) = (tmp_path / "runs" / "RegNetX-200MF" / "models").rglob("result.json")
    result = json.loads(record.read_text())
    assert result["effective_recipe"]["resolution"] == 32
    assert "digits at 32×32" in result["effective_recipe"]["text"]
    assert result["state"] == "done"


def test_a_resolution_that_was_asked_for_is_kept_or_refused(dsx: Command, tmp_path: Path) -> None:
    done = dsx("train", "RegNetX-200MF", "--recipe", "digits", "recipe.resolution=16")
    assert done.code == 2
    assert "does not fit recipe digits: resolution 16 is too small" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_set_is_told_before_anything_is_written(dsx: Command, tmp_path: Path) -> None:
    done = dsx("train", "ResNet-56", "--recipe", "cifar10", f"recipe.data.root={tmp_path / 'nowhere'}")
    assert done.code == 2
    assert "nowhere" in done.err
    assert not list(tmp_path.iterdir())

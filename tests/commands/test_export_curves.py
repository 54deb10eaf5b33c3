"""Training curves for trackers: read back by the trackers' own packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsx.base.errors import DsxError
from dsx.commands.export_curves import export_curves
from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study
from dsx.training.own import train

from standins import make_study

REPORT = '{{"metrics": {{"map": 30}}, "curve": [{{"map": 10, "loss": 2}}, {{"map": 30, "note": "up"}}]}}'


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two models, trained for two epochs."""
    study = make_study(tmp_path / "study", n=2, recipe=False)
    metrics = {"map": {"unit": "%", "better": "higher"}}
    study.set_recipe(read_recipe({"name": "r", "command": ["echo", REPORT], "metrics": metrics}))
    for run in study.runs():
        train(run.architecture, run.recipe, run.seed, study.paths.run(run.run_id).folder)
    return study


def test_event_files_hold_every_number_of_every_epoch_and_are_replaced_when_written_again(study: Study) -> None:
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        assert not os.environ.get("CI"), "tensorboard is among the packages of a developer"
        pytest.skip("needs tensorboard")
    for _ in range(2):
        said = export_curves(str(study.path), "tensorboard")
    place = study.path / "curves" / "tensorboard"
    assert said == f"wrote 2 runs to {place}   look: tensorboard --logdir {place}"
    for run in study.runs():
        events = EventAccumulator(str(place / run.run_id)).Reload()
        assert events.Tags()["scalars"] == ["map", "loss", "error"]
        assert [(e.step, e.value) for e in events.Scalars("map")] == [(1, 10.0), (2, 30.0)]
        assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 2.0)]
        assert [(e.step, e.value) for e in events.Scalars("error")] == [(1, 90.0), (2, 70.0)]


def test_offline_runs_are_logged_by_the_trackers_own_package(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[Any, ...]] = []

    def init(**given: Any) -> SimpleNamespace:
        assert given["mode"] == "offline"
        name = given["name"]
        return SimpleNamespace(log=lambda values, step: logged.append((name, step, values)), finish=lambda: None)

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    export_curves(str(study.path), "wandb")
    first = study.runs()[0].run_id
    assert logged[:2] == [
        (first, 1, {"map": 10.0, "loss": 2.0, "error": 90.0}),
        (first, 2, {"map": 30.0, "error": 70.0}),
    ]
    assert len(logged) == 4


def test_what_cannot_be_is_one_line(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DsxError) as raised:
        export_curves(str(study.path), "tensorbord")
    assert str(raised.value) == "--to tensorbord: expected tensorboard or wandb. Did you mean tensorboard?"
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(DsxError) as raised:
        export_curves(str(study.path), "wandb")
    assert str(raised.value) == "--to wandb: the package is not installed: pip install wandb"
    fresh = make_study(tmp_path / "fresh", n=1)
    with pytest.raises(DsxError) as raised:
        export_curves(str(fresh.path), "tensorboard")
    assert str(raised.value) == f"{fresh.path}: no finished model has a curve"


def test_a_folder_of_several_studies_is_asked_about(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_study(tmp_path / name, n=1)
    with pytest.raises(DsxError) as told:
        export_curves(str(tmp_path), "tensorboard")
    assert str(told.value) == f"{tmp_path}: holds 2 studies: name one of {tmp_path / 'a'}, {tmp_path / 'b'}"

"""Commands on one network: show, train, time, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Command


def test_show_gives_the_published_complexity_per_stage(dsx: Command) -> None:
    done = dsx("show", "RegNetX-400MF")
    assert done.code == 0
    assert "397,678,568 flops, 5,157,512 params, 3,143,272 acts at 224×224, 1000 classes" in done.out
    stages = [line.split() for line in done.out.splitlines() if line.startswith("  stage")]
    assert [row[3:6] for row in stages] == [["1", "32", "2"], ["2", "64", "2"], ["7", "160", "2"], ["12", "384", "2"]]
    assert [row[9] for row in stages] == ["56×56", "28×28", "14×14", "7×7"]


def test_show_layers_add_up_to_the_total(dsx: Command) -> None:
    done = dsx("show", "RegNetX-200MF", "--layers")
    rows = [line.replace(",", "").split() for line in done.out.splitlines() if "×" in line and "classes" not in line]
    assert [sum(int(row[column]) for row in rows) for column in (-3, -2, -1)] == [199040872, 2684792, 2164056]


def test_show_refuses_unknown_networks_and_small_images(dsx: Command) -> None:
    done = dsx("show", "RegNetX-400mf")
    assert done.code == 2
    assert done.err.startswith("dsx: unknown network 'RegNetX-400mf'. Did you mean RegNetX-400MF? Known: ")
    done = dsx("show", "RegNetX-400MF", "--resolution", 16)
    assert done.err == (
        "dsx: resolution 16 is too small: stem and stages reduce it 32-fold; use at least 32, or smaller strides\n"
    )


def test_a_study_and_its_models_are_shown(dsx: Command) -> None:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 3)
    listing = dsx("show", "runs/AnyNetXA-digits").out.splitlines()
    assert len(listing) == 5
    model_id = listing[2].split()[0]
    done = dsx("show", "runs/AnyNetXA-digits", model_id[:6])
    assert done.out.startswith(f"{model_id} of runs/AnyNetXA-digits\n")
    assert "depth_1" in done.out
    done = dsx("show", "runs/AnyNetXA-digits", "zzz")
    assert done.err == (
        "dsx: runs/AnyNetXA-digits: no model whose id begins with 'zzz'; `dsx show runs/AnyNetXA-digits` lists them\n"
    )


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


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_time_reports_both_modes(dsx: Command, mode: str) -> None:
    done = dsx("time", "ResNet-56", "--resolution", 32, "--batch-size", 2, "--threads", 1)
    assert done.code == 0
    (row,) = (line.split() for line in done.out.splitlines() if f" {mode} " in line)
    assert float(row[2]) > 0
    assert done.out.splitlines()[-1].startswith("cpu, float32, 1 threads, torch ")


def test_export_writes_what_the_suffix_says(dsx: Command, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    assert dsx("export", "ResNet-56", "--out", "net.safetensors").code == 0
    state = load_file(tmp_path / "net.safetensors")
    assert sum(t.numel() for name, t in state.items() if "running" not in name and "batches" not in name) == 855770
    assert dsx("export", "ResNet-56", "--out", "net.zip").code == 2


def test_a_missing_data_set_is_told_before_anything_is_written(dsx: Command, tmp_path: Path) -> None:
    done = dsx("train", "ResNet-56", "--recipe", "cifar10", f"recipe.data.root={tmp_path / 'nowhere'}")
    assert done.code == 2
    assert "nowhere" in done.err
    assert not list(tmp_path.iterdir())

"""`dsx time --calibrate`, and sampling by the latency that it foretells."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import dsx as dsx_api
from dsx.commands.calibrate import read_device
from dsx.networks.architecture import ArchitectureTable
from dsx.study.study import open_study

from command_line import Command

DEVICE = {
    "device": "cpu", "name": "cpu", "threads": 1, "dtype": "float32", "batch_size": 1, "resolution": 8,
    "torch_version": "2", "clock": "processor", "networks": 60, "held_out_pct": [5, 20], "constant_ms": 0.1,
    "ms": {"grouped": {"layers": 0.2}},
}  # fmt: skip


@pytest.mark.slow
def test_a_device_is_measured_fitted_and_written(dsx: Command, tmp_path):
    done = dsx("time", "AnyNetXE-digits", "--calibrate", "device.yaml", "--threads", 1, "--limit", 20)
    assert done.code == 0, done
    assert "processor time: 20 networks of " in done.out
    assert "held-out error: median " in done.out
    device = read_device(tmp_path / "device.yaml")
    assert (device.networks, device.batch_size, device.resolution, device.clock) == (20, 1, 8, "processor")
    assert 0 < device.held_out_pct[0] <= device.held_out_pct[1]


@pytest.mark.slow
def test_a_window_of_latency_is_kept_and_measured_again(dsx: Command, tmp_path):
    (tmp_path / "device.yaml").write_text(yaml.safe_dump(DEVICE))
    done = dsx(
        "sample", "--space", "AnyNetXE-digits", "--n", 5, "--latency", "1ms:1.6ms", "--device-model", "device.yaml"
    )  # fmt: skip
    assert done.code == 0, done
    assert "latency 1:1.6 ms at 8×8" in done.out
    assert "  measured again on cpu, float32, batch 1, 1 thread, 8×8, torch 2, processor time: " in done.out
    assert " of 5 within 1:1.6 ms" in done.out
    study = open_study("runs/AnyNetXE-digits")
    table = ArchitectureTable.of([model.architecture for model in study.population])
    foretold = read_device(tmp_path / "device.yaml").latency_ms(table, 8)
    assert ((foretold >= 1) & (foretold <= 1.6)).all()
    assert study.results()["inference_ms"].notna().all()
    # the device is part of the frozen space: a study grows by it
    assert len(study.grow(7).population) == 7


def test_a_file_that_is_no_model_of_a_device_is_refused(dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("name: mine\n")
    said = {
        "other.yaml": "device is required (9 more)",
        "gone.yaml": "cannot be read (No such file or directory)",
    }
    for name, problem in said.items():
        done = dsx("sample", "--space", "AnyNetXE-digits", "--n", 5, "--device-model", name)
        assert done.code == 2
        assert done.err == (
            f"dsx: --device-model {name}: {problem}; expected a file that `dsx time SPACE --calibrate FILE` wrote\n"
        )


def test_a_file_may_name_its_device(tmp_path):
    (tmp_path / "device.yaml").write_text(yaml.safe_dump(DEVICE))
    limits = {"flops": None, "latency": "1ms:1.6ms"}
    content = {"extends": "AnyNetXE-digits", "device": "device.yaml", "constraints": limits}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    space = dsx_api.load_space(tmp_path / "mine.yaml")
    assert space.device is not None
    table = ArchitectureTable.of([model.architecture for model in dsx_api.sample(space, 5)])
    assert (space.device.latency_ms(table, 8) <= 1.6).all()


def test_latency_without_a_device_is_refused(dsx: Command):
    done = dsx("sample", "--space", "AnyNetXE-digits", "--n", 5, "--latency", "1ms:2ms")
    assert done.code == 2
    assert done.err == (
        "dsx: AnyNetXE-digits: constraints.latency: latency is foretold by the model of a device: `dsx time SPACE"
        " --calibrate FILE` makes one, and `device: FILE` (or --device-model FILE) names it\n"
    )


def test_what_cannot_be_written_or_fitted_is_refused_before_anything_is_measured(
    dsx: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsx.networks.timing.time_network", lambda *_, **__: pytest.fail("measured"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    said = {
        (
            "--calibrate",
            "folder",
        ): "dsx: folder: is a folder: name the file that the device's model is to be written to",
        ("--calibrate", "d.yaml", "--limit", "4"): "dsx: --limit 4: 4 networks are too few: measure at least 20",
        ("--calibrate", "d.yaml", "--limit", "0"): "dsx: --limit 0: 0 networks are too few: measure at least 20",
    }
    for words, message in said.items():
        done = dsx("time", "AnyNetXE-digits", *words)
        assert (done.code, done.err.strip()) == (2, message)
    done = dsx("time", "AnyNetXE-digits", "--calibrate", "file/d.yaml")
    assert done.code == 2
    assert "nothing is measured in vain" in done.err

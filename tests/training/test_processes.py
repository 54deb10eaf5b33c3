"""Fresh processes: the same numbers again, after SIGKILL, and on two devices."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dsx.networks.architecture import Architecture
from dsx.training.checkpoint import CHECKPOINT
from dsx.training.recipe import Recipe
from dsx.training.result import Result
from dsx.training.trainer import train

# trains what a JSON file says; may kill itself after an epoch, or at a step
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from dsx.networks.architecture import Architecture
from dsx.training.recipe import Recipe
from dsx.training.trainer import train
job = json.loads(Path(sys.argv[1]).read_text())
steps = iter(range(1, 10**9))
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
def should_stop():
    if next(steps) == job.get("kill_at_step"):
        kill()
    return False
def on_epoch(record):
    if record["epoch"] == job.get("kill_after_epoch"):
        kill()
train(Architecture.from_dict(job["architecture"]), Recipe.from_dict(job["recipe"]), seed=3, folder=job["folder"],
      device="cpu", threads=1, should_stop=should_stop, on_epoch=on_epoch)
"""


@pytest.fixture
def job(tmp_path: Path, tiny: Callable[..., Architecture]) -> Callable[..., list[str]]:
    """job(recipe, folder, …): the command that trains in a process of its own."""

    def make(recipe: Recipe, folder: str, **extra: Any) -> list[str]:
        content = {"architecture": tiny().to_dict(), "recipe": recipe.to_dict(), "folder": str(tmp_path / folder)}
        path = tmp_path / f"{folder}.json"
        path.write_text(json.dumps(content | extra))
        return [sys.executable, "-c", SCRIPT, str(path)]

    return make


def outcome(folder: Path) -> tuple[list[float], str]:
    """Losses and errors of every epoch, and a hash of the final weights."""
    result = Result.from_dict(json.loads((folder / "result.json").read_text()))
    weights = torch.load(folder / CHECKPOINT, weights_only=True)["model"]
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in weights.values())).hexdigest()
    return [value for entry in result.curve for value in (entry["train_loss"], entry["loss"], entry["error"])], digest


def test_killed_and_fresh_processes_give_the_same_bits(
    job: Callable[..., list[str]], tiny: Callable[..., Architecture], digits: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = digits(ema=0.9, keep_checkpoint=True, augmentation={"crop_padding": 1, "mixup": 0.2})
    train(tiny(), recipe, seed=3, folder=tmp_path / "whole", device="cpu", threads=1)
    expected = outcome(tmp_path / "whole")

    between = subprocess.run(job(recipe, "killed", kill_after_epoch=1))
    assert between.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "result.json").exists()
    inside = subprocess.run(job(recipe, "killed", kill_at_step=25))
    assert inside.returncode == -signal.SIGKILL
    subprocess.run(job(recipe, "killed"), check=True)
    assert outcome(tmp_path / "killed") == expected


def test_two_devices_train_as_one_with_the_whole_batch(
    job: Callable[..., list[str]], tiny: Callable[..., Architecture], digits: Callable[..., Recipe], tmp_path: Path
) -> None:
    """One process with passes of 32 images has the batch-norm groups of two processes with a batch of 64."""
    shared = {"epochs": 2, "precise_bn": 256, "keep_checkpoint": True, "augmentation": {"crop_padding": 1}}
    one = train(tiny(), digits(micro_batch_size=32, **shared), seed=3, folder=tmp_path / "one", device="cpu", threads=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = job(digits(**shared), "two")
    launcher = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        subprocess.Popen(command, env=os.environ | launcher | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    two = Result.from_dict(json.loads((tmp_path / "two" / "result.json").read_text()))
    for ours, theirs in zip(one.curve, two.curve, strict=True):
        for name in ("lr", "train_loss", "train_error", "loss", "error"):
            assert theirs[name] == pytest.approx(ours[name], rel=2e-3, abs=0.35), name
    assert two.curve[0]["train_loss"] == pytest.approx(one.curve[0]["train_loss"], rel=1e-5)
    weights = [
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True)["model"]["head.fc.weight"]
        for name in ("one", "two")
    ]
    torch.testing.assert_close(weights[0], weights[1], rtol=5e-3, atol=5e-4)
    assert two.effective_recipe["devices"] == 2
    assert "32 per batch-norm group" in two.effective_recipe["text"]

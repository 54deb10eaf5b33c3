"""Fresh processes: the same numbers again, and after SIGKILL."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
from dsx.training.result import Result
from dsx.training.trainer import train

pytestmark = pytest.mark.slow

# trains what a JSON file says; may kill itself after an epoch, or at a step
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
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
    weights = torch.load(folder / "checkpoint.pt", weights_only=True)["model"]
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

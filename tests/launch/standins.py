"""Trainers and populations for tests of studies and launchers: no torch, milliseconds, failures on demand.

`behaviour.json` in the study's folder says what happens to which run; `trained/` there counts trainings.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import dsx
from dsx.base import resources
from dsx.base.files import write_bytes, write_json
from dsx.base.yaml import read_yaml
from dsx.launch.launcher import Launched, Launcher
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submit import Submitted, submit
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.complexity import complexity
from dsx.spaces.population import Population
from dsx.study.study import Study, open_study
from dsx.training.faults import Interrupted

EPOCHS = 4


def population(n: int = 6, space: str = "Small") -> Population:
    """n distinct networks for 8×8 digits."""
    built = [
        Architecture(
            stem=Stem(type="cifar", width=8),
            stages=(
                Stage(depth=1 + row % 2, width=8 * (1 + row // 2 % 3), stride=1, group_width=8),
                Stage(depth=1, width=8 * (1 + row // 6), stride=2, group_width=8),
            ),
            num_classes=10,
            in_channels=1,
        )
        for row in range(n)
    ]
    counted = [complexity(architecture, resolution=8) for architecture in built]
    return Population(
        space=space,
        settings={
            "depth_1": np.array([a.stages[0].depth for a in built]),
            "width_2": np.array([a.stages[1].width for a in built]),
        },
        flops=np.array([c.flops for c in counted], dtype=np.int64),
        params=np.array([c.params for c in counted], dtype=np.int64),
        acts=np.array([c.acts for c in counted], dtype=np.int64),
        contents=[json.dumps(a.to_dict(), sort_keys=True, separators=(",", ":")) for a in built],
        resolution=8,
    )


def make_study(path: Path, n: int = 6, seed: int = 0, recipe: bool = True, **overrides: object) -> Study:
    """A study of n small networks, with the digits recipe unless it is to have none."""
    from dsx.recipes.recipe import load_recipe

    study = Study.create(path, population(n), {"name": "Small"}, {"n": n, "resolution": 8}, seed)
    if recipe:
        study.set_recipe(load_recipe("digits", overrides or None))
    return study


def behave(study: Study, **by_row: str) -> None:
    """behave(study, r0="raise") makes the first run fail; one that is to `hold` does so until it is told otherwise."""
    ids = [run.run_id for run in study.runs()]
    content = {ids[int(name[1:])]: what for name, what in by_row.items()}
    write_json(study.path / "behaviour.json", content)


def _behaviour(root: Path, run_id: str) -> str:
    path = root / "behaviour.json"
    return json.loads(path.read_text()).get(run_id, "") if path.exists() else ""


def trainings(study: Study) -> list[str]:
    """Run ids of all trainings that came to an end with a result, sorted, with repetitions."""
    folder = study.path / "trained"
    return sorted(name.partition(".")[0] for name in os.listdir(folder)) if folder.exists() else []


def starts(study: Study) -> list[str]:
    """Run ids of all trainings that began, sorted, with repetitions."""
    folder = study.path / "begun"
    return sorted(name.partition(".")[0] for name in os.listdir(folder)) if folder.exists() else []


def train(
    architecture,
    recipe,
    seed=0,
    folder=None,
    device="auto",
    *,
    threads=None,
    should_stop=None,
    on_epoch=None,
    epoch_s=0.0,
    added_error=0.0,
):
    """As the real one in what it writes and raises: resumes from checkpoint.pt, leaves result.json, written once."""
    folder = Path(folder)
    if os.environ.get("RANK", "0") != "0":
        _mark(folder.parents[2] / "followed", folder.name)
        return SimpleNamespace(state="done")
    root, run_id = folder.parents[2], folder.name
    what = _behaviour(root, run_id)
    _mark(root / "begun", run_id)
    if what == "raise":
        raise ValueError("the loss went for a walk")
    if what == "oom":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        os._exit(3)
    if what == "vanish":
        os._exit(0)
    if what == "leave":
        sys.exit("enough")
    if what == "memory":
        _hoard = np.ones(900_000_000 // 8)
        time.sleep(60)
    while what == "hold" and _behaviour(root, run_id) == "hold":
        if should_stop is not None and should_stop():
            raise Interrupted
        time.sleep(0.005)
    epochs = 10_000 if what == "endless" else EPOCHS
    checkpoint = folder / "checkpoint.pt"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done, epochs):
        deadline = time.monotonic() + (0.05 if what in ("slow", "endless") else epoch_s)
        while True:
            if should_stop is not None and should_stop():
                raise Interrupted
            if time.monotonic() >= deadline:
                break
            time.sleep(0.005)
        write_bytes(checkpoint, str(epoch + 1).encode())
    error = 90.0 if what == "diverge" else expected_error(architecture.model_id, seed) + added_error
    state = "diverged" if what == "diverge" else "done"
    content = {
        "model_id": architecture.model_id,
        "state": state,
        "error": error,
        "best_error": error,
        "epochs": epochs,
        "curve": [{"epoch": e + 1, "error": error + epochs - 1 - e} for e in range(epochs)],
        "seconds": 0.5,
        "images_per_second": 1000.0,
        "peak_memory_bytes": 10**8,
        "seed": seed,
        "began_at_epoch": done,
        "code": dsx.__file__,
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }
    write_json(folder / "result.json", content)
    checkpoint.unlink(missing_ok=True)
    _mark(root / "trained", run_id)
    return SimpleNamespace(**content)


def slow_train(*args, **kwargs):
    """Some 0.2 s a model."""
    return train(*args, epoch_s=0.05, **kwargs)


def second_train(*args, **kwargs):
    """Some 2 s a model."""
    return train(*args, epoch_s=0.5, **kwargs)


def apart_train(*args, folder, **kwargs):
    """Errors of a study that is called `good` are below those of any other."""
    return train(*args, folder=folder, added_error=-50 if Path(folder).parents[2].name == "good" else 0, **kwargs)


def shallow_train(architecture, *args, **kwargs):
    """Deeper networks are worse: by 25 above 8 blocks."""
    return train(architecture, *args, added_error=25 if architecture.depth > 8 else 0, **kwargs)


def expected_error(model_id: str, seed: int) -> float:
    """The error that `train` reports: a function of model and seed, in [0, 50)."""
    return int(hashlib.sha256(f"{model_id}{seed}".encode()).hexdigest()[:8], 16) / 2**32 * 50


def _mark(folder: Path, run_id: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{run_id}.{os.getpid()}.{time.monotonic_ns()}").touch()


def launch_here(studies: Study | Sequence[Study], launcher: Launcher | None = None, **asked: Any) -> Launched:
    """A launch on this machine with the stand-in trainer: two workers without progress, unless asked otherwise."""
    given = [studies] if isinstance(studies, Study) else list(studies)
    options = {"workers": 2, "device": "cpu", "progress": False, "trainer": "standins:train"} | asked
    return (launcher or LocalLauncher()).launch(given, LaunchOptions(**options))


def slurm_profile(**changes: Any) -> Profile:
    """What a job of the stand-in trainers asks for: the shipped profile, with changes."""
    shipped = read_yaml(resources.find("experiments", "slurm", group="launcher"))
    place = Path(__file__).parent
    environment = {"PYTHONPATH": str(place)} | changes.pop("environment", {})
    return Profile.from_dict(shipped | {"mem_gb": 0.5, "environment": environment} | changes)


def submit_there(study: Study, profile: Profile, **asked: Any) -> Submitted:
    """Submit what is pending of one study, to be trained by the stand-in trainer unless asked otherwise."""
    (submitted,) = submit([study], profile, LaunchOptions(**{"trainer": "standins:train"} | asked))
    return submitted


def check_complete(*studies: Study) -> None:
    """Every run was trained, once, to its expected error."""
    for study in studies:
        table = open_study(study.path).results()
        assert (table["state"] == "done").all()
        assert list(table["error"]) == [expected_error(run.model_id, run.seed) for run in study.runs()]
        assert trainings(study) == sorted(run.run_id for run in study.runs())

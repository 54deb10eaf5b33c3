"""Training steps recorded as CUDA graphs: the same curves as without, resumed or not, and no waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.faults import Interrupted
from dsx.training.result import Result
from dsx.training.session import Session
from dsx.training.trainer import train

from gpu_data import curve, digits, every_wait_raises, gpu, make_pictures, network

STEPS = 3 * 18
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bfloat16": {"precision": "bfloat16"},
    "average": {"ema": 0.9, "precise_bn": 128},
    "clipped": {"clip_gradient": 0.5},
    "in parts": {"micro_batch_size": 16},
    "adamw": {"optimiser__name": "adamw", "lr": 0.001},
    "less memory": {"save_memory": True},
    "crops": {"augmentation__crop_padding": 1, "augmentation__flip": True, "label_smoothing": 0.1},
}


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every replay of a graph."""
    seen: list[object] = []
    replay = torch.cuda.CUDAGraph.replay

    def noted(graph: torch.cuda.CUDAGraph) -> None:
        seen.append(graph)
        replay(graph)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", noted)
    return seen


def trained(recipe: Recipe, folder: Path | None = None, **options: Any) -> Result:
    return train(network(recipe.in_channels, recipe.num_classes or 10), recipe, 3, folder, "cuda", **options)


@pytest.mark.parametrize("name", OPTIONS)
def test_curves_are_the_same_to_the_bit_with_deterministic_kernels(name: str, replays: list[object]) -> None:
    plain = trained(digits(deterministic=True, **OPTIONS[name]))
    assert replays == []
    recorded = trained(digits(deterministic=True, capture=True, **OPTIONS[name]))
    assert len(replays) == STEPS - 3
    assert len(set(map(id, replays))) == 1
    assert curve(recorded) == curve(plain)


def test_curves_are_about_the_same_by_default(replays: list[object]) -> None:
    """Within a tenth of the loss and 5 points of error, as two trainings by kernels that add in any order are."""
    plain, recorded = (trained(digits(capture=capture)) for capture in (False, True))
    assert len(replays) == STEPS - 3
    for found, expected in zip(recorded.curve, plain.curve, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=0.1)
        assert found["error"] == pytest.approx(expected["error"], abs=5)


@pytest.mark.parametrize("workers", [0, 2])
def test_images_of_files_train_alike(workers: int, tmp_path: Path, replays: list[object]) -> None:
    """One of the images cannot be read: its batch is smaller, and runs unrecorded."""
    root = make_pictures(tmp_path)
    (root / "train" / "bee" / "007.jpg").write_bytes(b"no image")
    data = {"data.root": str(root), "data.workers": workers, "data.max_corrupt": 0.1, "resolution": 32}
    options = {"batch_size": 20, "epochs": 3, "lr": 0.4, "schedule.warmup_epochs": 1, "deterministic": True}
    curves = []
    for capture in (False, True):
        with pytest.warns(UserWarning, match=r"007\.jpg: not a readable image"):
            curves.append(curve(trained(load_recipe("folder", data | options | {"capture": capture}))))
    assert curves[0] == curves[1]
    assert len(replays) == 3 * 9 - 3 - 3


@pytest.mark.parametrize("name", ["average", "adamw"])
@pytest.mark.parametrize("first", [False, True])
def test_a_training_goes_on_recorded_or_not(
    name: str, first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replays: list[object]
) -> None:
    monkeypatch.setattr("dsx.training.session._STEPS_BETWEEN_LOOKS", 5)
    whole = trained(digits(deterministic=True, **OPTIONS[name]))
    looks = iter([False] * 5 + [True])
    with pytest.raises(Interrupted):
        trained(digits(deterministic=True, capture=first, **OPTIONS[name]), tmp_path, should_stop=lambda: next(looks))
    cut = trained(digits(deterministic=True, capture=not first, **OPTIONS[name]), tmp_path)
    assert curve(cut) == curve(whole)
    assert replays


def test_no_replay_makes_the_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = digits(capture=True, ema=0.9, clip_gradient=1.0)
    session = Session(network(), recipe, 0, open_batches(recipe, 0, gpu()), Group())
    monkeypatch.setattr(session, "_look", lambda: None)
    monkeypatch.setattr("dsx.training.session.synchronise", lambda device: None)
    session.train_steps(5)
    with every_wait_raises():
        session.train_steps(12)


def test_a_loss_that_is_not_finite_is_seen() -> None:
    result = trained(digits(lr=1e12, schedule__warmup_epochs=0, epochs=2, capture=True))
    assert (result.state, result.error) == ("diverged", 90.0)


def test_a_recorded_training_leaves_no_memory_behind() -> None:
    held = []
    for _ in range(3):
        trained(digits(epochs=1, capture=True))
        torch.cuda.empty_cache()
        held.append(torch.cuda.memory_reserved())
    assert held[1] == held[2]  # before the first one, other tests' segments may not have been given back

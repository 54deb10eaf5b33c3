"""Training on a GPU: every data path in every precision, resuming, averages, failure, and no waiting between looks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.opening import open_batches
from dsx.training.data.prepare import plan_preparation, prepare
from dsx.training.distributed import Group
from dsx.training.evaluation import evaluate, precise_batch_norm
from dsx.training.faults import Interrupted
from dsx.training.session import Session
from dsx.training.trainer import train

from gpu_data import curve, digits, every_wait_raises, gpu, make_cifar, make_pictures, network, off

PRECISIONS = ("float32", "bfloat16", "float16")
Shape = tuple[int, int]


def recipe_of(path: str, folder: Path, **overrides: Any) -> tuple[Recipe, Shape]:
    """A short recipe for one path of the data, with channels and classes."""
    if path == "arrays":
        return digits(**{"augmentation__crop_padding": 1, "epochs": 10} | overrides), (1, 10)
    if path == "cifar":
        options = {"data.root": str(make_cifar(folder)), "epochs": 3, "batch_size": 60} | overrides
        return load_recipe("cifar10", options), (3, 10)
    workers = {"processes": 2, "no processes": 0, "prepared": 2}[path]
    options = {"data.root": str(make_pictures(folder)), "data.workers": workers, "resolution": 32, "batch_size": 20}
    recipe = load_recipe("folder", options | {"epochs": 4, "lr": 0.4, "schedule.warmup_epochs": 1} | overrides)
    return prepared(recipe, folder / "prepared") if path == "prepared" else recipe, (3, 3)


def prepared(recipe: Recipe, out: Path) -> Recipe:
    """The recipe with its images prepared."""
    prepare(plan_preparation(recipe.data, 48, out), 1, lambda done: None)
    return recipe.with_overrides({"data.root": str(out), "data.storage": "prepared", "data.prepared_size": 48})


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("path", ["arrays", "cifar", "processes", "no processes", "prepared"])
def test_a_network_learns_on_every_data_path_in_every_precision(path: str, precision: str, tmp_path: Path) -> None:
    recipe, shape = recipe_of(path, tmp_path / "images", precision=precision)
    result = train(network(*shape), recipe, seed=1, folder=tmp_path / "model", device="cuda")
    assert (result.state, result.epochs, result.device) == ("done", recipe.epochs, "cuda")
    assert result.curve[-1]["train_loss"] < 0.8 * result.curve[0]["train_loss"]
    chance = 100 * (1 - 1 / shape[1])
    assert result.error < 0.8 * chance
    assert result.environment["device_name"] == torch.cuda.get_device_name(0)
    assert result.data["corrupt_images"] == 0
    assert result.peak_memory_bytes is not None
    assert result.peak_memory_bytes > 0


def test_prepared_crops_on_a_gpu_are_those_of_the_cpu(tmp_path: Path) -> None:
    """Half-precision products against torch's interpolation of bytes: at most one level apart."""
    recipe, _ = recipe_of("prepared", tmp_path / "images")
    std = torch.tensor(recipe.data.std)[:, None, None]
    batches = [open_batches(recipe, 3, device) for device in (torch.device("cpu"), gpu())]
    for (ours, labels), (theirs, same) in zip(*(b.training(1) for b in batches), strict=True):
        assert torch.equal(labels, same.cpu())
        assert ((ours - theirs.cpu()) * std * 255).abs().max() < 1.01
    for (ours, _), (theirs, _) in zip(*(b.evaluation() for b in batches), strict=True):
        torch.testing.assert_close(ours, theirs.cpu())
    for b in batches:
        b.close()


def test_precisions_agree_on_what_is_learned() -> None:
    losses = {p: train(network(), digits(precision=p), seed=1, device="cuda").curve[-1]["loss"] for p in PRECISIONS}
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.25)
    assert losses["float16"] == pytest.approx(losses["float32"], rel=0.25)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("path", ["arrays", "no processes", "prepared"])
def test_no_step_makes_the_host_wait(
    path: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixing = {"ema": 0.9, "augmentation.mixup": 0.2, "clip_gradient": 1.0}
    recipe, shape = recipe_of(path, tmp_path, precision=precision, **mixing)
    batches = open_batches(recipe, 0, gpu())
    session = Session(network(*shape), recipe, 0, batches, Group())
    monkeypatch.setattr(session, "_look", lambda: None)
    monkeypatch.setattr("dsx.training.session.synchronise", lambda device: None)  # at the end of every call
    session.train_steps(2)  # what is set up once may wait
    with every_wait_raises():
        session.train_steps(5)
        batches.close()


def test_a_step_that_waits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(network(), digits(), 0, open_batches(digits(), 0, gpu()), Group())
    monkeypatch.setattr(session, "_look", lambda: session.sums[0].item())
    monkeypatch.setattr("dsx.training.session.synchronise", lambda device: None)
    session.train_steps(2)
    with every_wait_raises(), pytest.raises(RuntimeError, match="synchroniz"):
        session.train_steps(4)


def resumed(recipe: Recipe, folder: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """An uninterrupted training, and one that is stopped at the `stop_at`-th look and goes on."""
    monkeypatch.setattr("dsx.training.session._STEPS_BETWEEN_LOOKS", 5)
    whole = train(network(), recipe, seed=3, folder=folder / "whole", device="cuda")
    looks = itertools.count(1)
    with pytest.raises(Interrupted):
        train(
            network(), recipe, seed=3, folder=folder / "cut", device="cuda", should_stop=lambda: next(looks) == stop_at
        )
    assert (folder / "cut" / "checkpoint.pt").exists()
    return whole, train(network(), recipe, seed=3, folder=folder / "cut", device="cuda")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_resuming_gives_the_same_curve_with_deterministic_kernels(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"ema": 0.9, "augmentation__mixup": 0.2, "augmentation__crop_padding": 1, "precise_bn": 128}
    whole, cut = resumed(digits(deterministic=True, precision=precision, **options), tmp_path, 6, monkeypatch)
    assert curve(cut) == curve(whole)


def test_resuming_gives_about_the_same_curve_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = resumed(digits(), tmp_path, 6, monkeypatch)
    assert len(cut.curve) == len(whole.curve) == 3
    for found, expected in zip(cut.curve, whole.curve, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=0.1)
        assert found["error"] == pytest.approx(expected["error"], abs=5)


def test_two_deterministic_trainings_are_equal() -> None:
    first, second = (train(network(), digits(deterministic=True), seed=2, device="cuda") for _ in range(2))
    assert curve(first) == curve(second)


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All elements of those that hold floating-point numbers."""
    return torch.cat([t.detach().double().cpu().flatten() for t in tensors if t.is_floating_point()])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema": 0.9},
        {"augmentation__mixup": 0.4, "label_smoothing": 0.1},
        {"augmentation__cutmix": 0.4},
        {"augmentation__crop_padding": 1, "augmentation__flip": True},
        {"clip_gradient": 0.5},
        {"micro_batch_size": 16},
        {"save_memory": True},
        {"optimiser__name": "adamw", "lr": 0.001},
        {"channels_last": False},
    ],
    ids=lambda options: ",".join(options) or "plain",
)
def test_four_steps_are_those_of_the_cpu(options: dict[str, Any]) -> None:
    """How weights moved, statistics, averages and sums, within 1 % (2-norm) of the CPU's; both start alike.

    AdamW divides by the size of the gradient, and so magnifies what rounding does to small ones: 5 %.
    """
    recipe, states = digits(**options), []
    for device in (torch.device("cpu"), gpu()):
        session = Session(network(), recipe, 1, open_batches(recipe, 1, device), Group())
        before = [parameter.detach().clone() for parameter in session.model.parameters()]
        session.train_steps(4)
        moved = [p.detach() - was for p, was in zip(session.model.parameters(), before, strict=True)]
        state = {"moved": flat(moved), "statistics": flat(session.model.buffers()), "sums": session.sums}
        if session.average is not None:
            state["average"] = flat(session.average.module.parameters())
        states.append(state)
    on_cpu, on_gpu = states
    bound = 0.05 if recipe.optimiser.name == "adamw" else 0.01
    assert {name: value for name in on_cpu if (value := off(on_gpu[name], on_cpu[name])) > bound} == {}


def test_precise_batch_norm_and_evaluation_are_those_of_the_cpu() -> None:
    found = []
    for device in (torch.device("cpu"), gpu()):
        session = Session(network(), digits(), 1, open_batches(digits(), 1, device), Group())
        precise_batch_norm(session.model, session.batches, 256, 0, session.group)
        found.append((flat(session.model.buffers()), evaluate(session.model, session.batches, session.group)))
    (statistics, scores), (statistics_there, scores_there) = found
    assert off(statistics_there, statistics) < 1e-3
    assert scores_there["loss"] == pytest.approx(scores["loss"], rel=1e-3)
    assert scores_there["error"] == pytest.approx(scores["error"], abs=1)


def test_a_loss_that_is_not_finite_is_recorded_as_diverged(tmp_path: Path) -> None:
    recipe = digits(lr=1e12, schedule__warmup_epochs=0, epochs=2)
    result = train(network(), recipe, seed=1, folder=tmp_path, device="cuda")
    assert (result.state, result.error) == ("diverged", 90.0)
    assert "epoch 1" in result.note


def test_the_compiled_network_trains() -> None:
    plain = train(network(), digits(epochs=1), seed=1, device="cuda")
    compiled = train(network(), digits(epochs=1, compile=True), seed=1, device="cuda")
    assert compiled.curve[0]["train_loss"] == pytest.approx(plain.curve[0]["train_loss"], rel=0.1)

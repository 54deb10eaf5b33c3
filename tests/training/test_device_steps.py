"""What a training step asks of a GPU, seen on machines without one: where, in which dtype, and when the host waits."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training import session as sessions
from dsx.training.data.batches import Batches
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.evaluation import evaluate
from dsx.training.session import Session

from traced_cuda import CUDA, Record, traced_cuda

STEPS = 2
# what is drawn, compared and counted on the CPU: data order, augmentation, mixing, steps of the average
ON_THE_CPU = {
    "_local_scalar_dense", "_standard_gamma", "add", "add_", "alias", "all", "copy_", "detach", "empty", "eq", "full",
    "ge", "gt", "index", "lift_fresh", "lt", "matmul", "mm", "mul", "permute", "rand", "randint", "randn", "randperm",
    "reshape", "select", "slice", "stack", "t", "unbind", "view", "zeros",
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "average": {"ema": 0.9},
    "mixup": {"augmentation.mixup": 0.4, "label_smoothing": 0.1},
    "cutmix": {"augmentation.cutmix": 0.4},
    "crops": {"augmentation.crop_padding": 1, "augmentation.flip": True},
    "clipped": {"clip_gradient": 1.0},
    "in parts": {"micro_batch_size": 16},
    "adamw": {"optimiser.name": "adamw"},
    "less memory": {"save_memory": True},
    "all": {"ema": 0.9, "augmentation.mixup": 0.4, "augmentation.crop_padding": 1, "clip_gradient": 1.0},
}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CASES = [*((name, "bfloat16") for name in OPTIONS), ("less memory", "float32"), ("all", "float32"), ("all", "float16")]
# the others are options of "all", or one of these in another precision
QUICK = {
    ("plain", "bfloat16"),
    ("in parts", "bfloat16"),
    ("adamw", "bfloat16"),
    ("all", "bfloat16"),
    ("less memory", "float32"),
}


def network(in_channels: int = 1, num_classes: int = 10) -> Architecture:
    """Two blocks with squeeze-and-excitation."""
    stages = tuple(
        Stage(block="x", depth=1, width=w, stride=s, group_width=4, se_ratio=0.25) for w, s in ((8, 1), (16, 2))
    )
    return Architecture(
        stem=Stem(type="cifar", width=8), stages=stages, num_classes=num_classes, in_channels=in_channels
    )


def steps_of(recipe: Recipe, architecture: Architecture, steps: int = STEPS) -> Record:
    """What so many training steps ask, without what making the network asks, and without a look at their end."""
    with traced_cuda() as record, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch asks fake tensors for their place in memory
        batches = open_batches(recipe, 0, CUDA)
        try:
            session = Session(architecture, recipe, 0, batches, Group())
            record.clear()
            session._look = lambda: None  # type: ignore[method-assign]
            session.train_steps(steps)
        finally:
            batches.close()
    return record


def digits(**overrides: Any) -> Recipe:
    return load_recipe("digits", {"batch_size": 32} | overrides)


@pytest.mark.parametrize(
    ("name", "precision"), [pytest.param(*c, marks=[] if c in QUICK else [pytest.mark.slow]) for c in CASES]
)
def test_a_step_stays_on_the_device_and_the_host_waits_for_nothing(name: str, precision: str) -> None:
    record = steps_of(digits(precision=precision, **OPTIONS[name]), network())
    assert record.named("convolution"), "no network ran"
    assert record.waits == []
    assert {operation for operation, devices, _ in record.operations if devices == {"cpu"}} <= ON_THE_CPU
    crossing = Counter(operation for operation, devices, _ in record.operations if len(devices) > 1)
    # the rows of the batch; where images are cropped, also top, left and mirrored
    assert crossing == {"_to_copy": STEPS * (4 if "augmentation.crop_padding" in OPTIONS[name] else 1)}


@pytest.mark.slow
def test_the_host_waits_for_no_step_on_images_of_files(image_folder: Path) -> None:
    data = {"data.root": str(image_folder), "data.workers": 0, "resolution": 16, "batch_size": 12}
    recipe = load_recipe("folder", data | {"augmentation.lighting": 0.1})
    record = steps_of(recipe, network(3, 3))
    assert record.named("convolution")
    assert record.waits == []


@pytest.mark.slow
def test_looks_are_as_far_apart_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_STEPS_BETWEEN_LOOKS", 2)
    with traced_cuda() as record, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = Session(network(), digits(), 0, open_batches(digits(), 0, CUDA), Group())
        record.clear()
        session.train_steps(5)
    assert [name for _, name in record.waits] == ["_local_scalar_dense"] * 3  # after steps 2, 4, and the last


@pytest.mark.parametrize("planted", [torch.Tensor.item, torch.Tensor.cpu, bool])
def test_a_wait_that_is_planted_is_found(monkeypatch: pytest.MonkeyPatch, planted: Callable[..., Any]) -> None:
    loss_of = sessions.loss_of

    def waiting(*arguments: Any) -> torch.Tensor:
        loss = loss_of(*arguments)
        planted(loss.detach())
        return loss

    monkeypatch.setattr(sessions, "loss_of", waiting)
    assert len(steps_of(digits(), network()).waits) == STEPS


def test_a_number_copied_to_the_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loss_of = sessions.loss_of
    monkeypatch.setattr(sessions, "loss_of", lambda *given: loss_of(*given) * torch.tensor(2.0, device=CUDA))
    assert [name for _, name in steps_of(digits(), network()).waits] == ["_to_copy"] * STEPS


def test_an_operation_on_the_cpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loss_of = sessions.loss_of

    def astray(*arguments: Any) -> torch.Tensor:
        torch.nn.functional.relu(torch.zeros(3))
        return loss_of(*arguments)

    monkeypatch.setattr(sessions, "loss_of", astray)
    record = steps_of(digits(), network())
    assert {name for name, devices, _ in record.operations if devices == {"cpu"}} - ON_THE_CPU == {"relu"}


@pytest.mark.parametrize(("precision", "dtype"), PRECISIONS.items())
def test_autocast_gives_convolutions_the_recipes_dtype_and_the_loss_float32(precision: str, dtype: torch.dtype) -> None:
    record = steps_of(digits(precision=precision), network())
    used = {name: {d for _, _, dtypes in record.named(name) for d in dtypes} for name in ("convolution", "addmm")}
    assert used == {"convolution": {dtype}, "addmm": {dtype}}
    assert {d for _, _, dtypes in record.named("_log_softmax") for d in dtypes} == {torch.float32}
    updates = record.named("_fused_sgd_")
    assert len(updates) == STEPS
    assert all(devices == {"cuda"} and dtypes == {torch.float32} for _, devices, dtypes in updates)


def test_weights_are_channels_last_and_float32_on_the_device() -> None:
    with traced_cuda():
        session = Session(network(), digits(precision="bfloat16"), 0, open_batches(digits(), 0, CUDA), Group())
    for name, weight in session.model.named_parameters():
        assert (weight.device, weight.dtype) == (CUDA, torch.float32), name
        assert weight.dim() != 4 or weight.is_contiguous(memory_format=torch.channels_last), name


class _Kept(Group):
    """One process, whose sums come to the host as ones."""

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return torch.ones(values.shape, dtype=values.dtype)


@pytest.mark.slow
def test_the_host_does_not_wait_between_evaluation_batches() -> None:
    with traced_cuda() as record, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches: Batches = open_batches(digits(), 0, CUDA)
        batches.evaluation_batch = 64
        session = Session(network(), digits(), 0, batches, Group())
        record.clear()
        evaluate(session.model, batches, _Kept())
    assert len(record.named("topk")) == 6  # 359 images
    assert record.waits == []

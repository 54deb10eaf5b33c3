"""What each of two processes does in the tests of several devices: `python two_ranks.py FOLDER`, with RANK set.

Every scenario trains together with the other process; what came of it goes to FOLDER/outcomes.RANK.json.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training import session as sessions
from dsx.training.data.batches import BatchShare
from dsx.training.data.opening import open_batches
from dsx.training.distributed import join_group
from dsx.training.session import Session
from dsx.training.trainer import train

CPU = torch.device("cpu")
RANK = int(os.environ.get("RANK", "0"))


def network(in_channels: int = 1, num_classes: int = 10) -> Architecture:
    """Two blocks."""
    stages = tuple(Stage(block="x", depth=1, width=w, stride=s, group_width=4) for w, s in ((8, 1), (16, 2)))
    return Architecture(
        stem=Stem(type="cifar", width=8), stages=stages, num_classes=num_classes, in_channels=in_channels
    )


def images(folder: Path, max_corrupt: float) -> Recipe:
    """Two epochs over folder/images, in batches of two images for each process."""
    overrides = {"data.root": str(folder / "images"), "data.max_corrupt": max_corrupt, "data.workers": 0}
    return load_recipe("folder", overrides | {"resolution": 16, "batch_size": 4, "epochs": 2})


def digits(**overrides: Any) -> Recipe:
    """Three epochs of 22 steps; `__` in a key stands for a dot."""
    return load_recipe(
        "digits", {"epochs": 3, "batch_size": 64} | {k.replace("__", "."): v for k, v in overrides.items()}
    )


def outcome(recipe: Recipe, folder: Path, **options: Any) -> dict[str, Any]:
    """The result, or what was raised."""
    shape = (3, 3) if recipe.data.dataset == "folder" else (1, 10)
    try:
        result = train(network(*shape), recipe, seed=3, folder=folder, device="cpu", threads=1, **options)
    except Exception as error:
        return {"raised": type(error).__name__, "message": str(error), "saved": (folder / "checkpoint.pt").exists()}
    curve = [[entry[name] for name in ("train_loss", "loss", "error")] for entry in result.curve]
    return {"state": result.state, "epochs": result.epochs, "data": result.data, "curve": curve, "note": result.note}


def only_on_rank_1(after: int) -> Callable[[], bool]:
    """A should_stop that is true on rank 1 alone, from the call of that number on."""
    calls = itertools.count(1)
    return lambda: next(calls) >= after and RANK == 1


def few_are_corrupt(folder: Path) -> dict[str, Any]:
    return outcome(images(folder, 0.5), folder / "few")


def many_are_corrupt(folder: Path) -> dict[str, Any]:
    return outcome(images(folder, 0.01), folder / "many")


def loss_is_not_finite_on_one(folder: Path) -> dict[str, Any]:
    loss_of, steps = sessions.loss_of, itertools.count(1)

    def spoilt(*arguments: Any) -> Any:
        return loss_of(*arguments) * (float("nan") if RANK == 1 and next(steps) > 30 else 1.0)

    sessions.loss_of = spoilt
    try:
        return outcome(digits(), folder / "diverged")
    finally:
        sessions.loss_of = loss_of


def one_is_told_to_stop(folder: Path) -> dict[str, Any]:
    whole = outcome(digits(ema=0.9), folder / "whole")
    stopped = outcome(digits(ema=0.9), folder / "stopped", should_stop=only_on_rank_1(after=30))
    return {"whole": whole, "stopped": stopped, "resumed": outcome(digits(ema=0.9), folder / "stopped")}


def the_time_of_one_is_up(folder: Path) -> dict[str, Any]:
    fast = SimpleNamespace(perf_counter=lambda: time.perf_counter() * (1000 if RANK == 1 else 1))
    sessions.time = fast  # type: ignore[assignment]
    try:
        return outcome(digits(time_limit_min=5), folder / "late")
    finally:
        sessions.time = time


def parts_are_unequal(folder: Path) -> dict[str, Any]:
    """One step of plain gradient descent with a batch of 5: two images here, three there; against autograd by hand."""
    plain = {"optimiser__momentum": 0.0, "optimiser__nesterov": False, "optimiser__weight_decay": 0.0}
    recipe = digits(batch_size=5, schedule__name="constant", schedule__warmup_epochs=0, **plain)
    group = join_group(CPU)
    session = Session(network(), recipe, 3, open_batches(recipe, 3, CPU, BatchShare(group.rank, group.world)), group)
    before = build(network())
    before.load_state_dict(copy.deepcopy(session.model.state_dict()))
    session.train_steps(1)
    batch, targets = next(open_batches(recipe, 3, CPU).training(0))
    for rows in (slice(0, 2), slice(2, 5)):
        loss = torch.nn.functional.cross_entropy(
            before(batch[rows]), targets[rows], label_smoothing=recipe.label_smoothing, reduction="sum"
        )
        (loss / 5).backward()
    pairs = list(zip(before.parameters(), session.model.parameters(), strict=True))
    expected = [parameter - recipe.scaled_lr * parameter.grad for parameter, _ in pairs]  # type: ignore[operator]
    off = max((want - found).abs().max().item() for want, (_, found) in zip(expected, pairs, strict=True))
    moved = max((was - found).abs().max().item() for was, found in pairs)
    return {"off": off, "moved": moved, "lengths": [2, 3]}


SCENARIOS = (
    few_are_corrupt,
    many_are_corrupt,
    loss_is_not_finite_on_one,
    one_is_told_to_stop,
    the_time_of_one_is_up,
    parts_are_unequal,
)


def main() -> None:
    """All scenarios, one after another, in one process group."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    outcomes = {scenario.__name__: scenario(folder) for scenario in SCENARIOS}
    (folder / f"outcomes.{RANK}.json").write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main()

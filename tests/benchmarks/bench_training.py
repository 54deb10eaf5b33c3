"""Training speed on this machine's CPU: the trainer against a plain PyTorch loop, and its overhead per model.

    .venv/bin/python tests/benchmarks/bench_training.py

The plain loop is the textbook's: NCHW tensors, a DataLoader over a TensorDataset, SGD with its defaults, loss.item()
and accuracy every step. Both train the same network on the same images with the same batch and torch's threads; the
median of alternating rounds is compared, first steps left out.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.training.data.batches import open_batches
from dsx.training.distributed import Group
from dsx.training.recipe import Recipe, load_recipe
from dsx.training.session import Session
from dsx.training.trainer import train

Clock = Callable[[], float]


def network(stem: str, width: int, stages: tuple[tuple[int, int, int], ...], group: int, channels: int) -> Architecture:
    """stages: (depth, width, stride) each."""
    return Architecture(
        stem=Stem(type=stem, width=width),
        stages=tuple(Stage(block="x", depth=d, width=w, stride=s, group_width=group) for d, w, s in stages),
        num_classes=10,
        in_channels=channels,
    )


NETWORKS = {
    "digits": network("cifar", 16, ((1, 24, 1), (2, 48, 2), (2, 64, 2), (2, 96, 2)), 8, 1),
    "cifar": network("cifar", 16, ((2, 32, 1), (3, 64, 2), (3, 128, 2)), 16, 3),
    # RegNetX-200MF
    "imagenet": network("simple", 32, ((1, 24, 2), (1, 56, 2), (4, 152, 2), (7, 368, 2)), 8, 3),
}


def cifar_files(root: Path, images: int = 2000) -> None:
    """CIFAR-10's files with random pixels."""
    folder, rng = root / "cifar-10-batches-py", np.random.default_rng(0)
    folder.mkdir()
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        data = rng.integers(0, 256, (images // 5, 3072), dtype=np.uint8)
        labels = rng.integers(0, 10, images // 5).tolist()
        (folder / name).write_bytes(pickle.dumps({b"data": data, b"labels": labels}, protocol=2))


def image_files(root: Path, images: int = 240) -> None:
    """A folder of JPEGs of 256×256 random pixels in ten classes."""
    rng = np.random.default_rng(0)
    for part, n in (("train", images), ("val", 20)):
        for i in range(n):
            folder = root / part / f"class{i % 10}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(folder / f"{i}.jpg")


def recipes(root: Path) -> dict[str, Recipe]:
    """One recipe per size of network, whose data lies below root."""
    cifar_files(root)
    image_files(root / "images")
    folder = {"data.root": str(root / "images"), "batch_size": 16}
    return {
        "digits": load_recipe("digits"),
        "cifar": load_recipe("cifar10", {"data.root": str(root)}),
        "imagenet": load_recipe("folder", folder),
    }


def plain_steps(architecture: Architecture, recipe: Recipe) -> Iterator[None]:
    """The textbook's loop, one step at a time, on random images of the same shape."""
    channels, size = architecture.in_channels, recipe.resolution
    images = torch.randn(recipe.batch_size * 12, channels, size, size)
    loader = DataLoader(
        TensorDataset(images, torch.arange(len(images)) % 10),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
    )
    model = build(architecture)
    criterion = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=10_000)
    model.train()
    running, correct = 0.0, 0
    while True:
        for inputs, targets in loader:
            optimiser.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimiser.step()
            scheduler.step()
            running += loss.item()
            correct += (outputs.argmax(1) == targets).sum().item()
            yield


def trainer_rounds(architecture: Architecture, recipe: Recipe, steps: int, clock: Clock) -> Iterator[list[float]]:
    """Seconds of each of `steps` consecutive steps of the trainer, with its data path."""
    batches = open_batches(recipe, 0, torch.device("cpu"))
    stamps: list[float] = []

    def note_time() -> bool:
        stamps.append(clock())
        return False

    session = Session(architecture, recipe, 0, batches, Group(), should_stop=note_time)
    try:
        while True:
            if session.step + steps >= batches.steps_per_epoch:
                session.epoch, session.step = session.epoch + 1, 0
            stamps.clear()
            session.train_steps(session.step + steps + 1)  # asked to stop after each: the first starts the clock
            yield [after - before for before, after in pairwise(stamps)]
    finally:
        batches.close()


def plain_rounds(architecture: Architecture, recipe: Recipe, steps: int, clock: Clock) -> Iterator[list[float]]:
    """The same of the textbook's loop."""
    loop = plain_steps(architecture, recipe)
    while True:
        stamps = [clock() for _ in zip(range(steps + 1), loop, strict=False)]
        yield [after - before for before, after in pairwise(stamps)]


def compare(name: str, recipe: Recipe, rounds: int, steps: int, clock: Clock) -> None:
    """Print images per second of both: medians over the steps of alternating rounds, the first left out."""
    loops = {"trainer": trainer_rounds, "plain": plain_rounds}
    running = {key: loop(NETWORKS[name], recipe, steps, clock) for key, loop in loops.items()}
    seconds: dict[str, list[float]] = {key: [] for key in loops}
    for number in range(rounds + 1):
        for key, loop in running.items():
            took = next(loop)
            seconds[key] += took if number else []
    speed = {key: recipe.batch_size / statistics.median(values) for key, values in seconds.items()}
    ratio = speed["trainer"] / speed["plain"]
    print(
        f"{name:9} {speed['trainer']:9.1f} {speed['plain']:9.1f} {ratio:6.2f}×   batch {recipe.batch_size}", flush=True
    )


def overhead(recipe: Recipe, models: int = 4) -> None:
    """Print wall time per model beyond its training steps and evaluations, from the second model of a process on."""
    extra = []
    for seed in range(models + 1):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result = train(NETWORKS["digits"], recipe, seed=seed, folder=folder, device="cpu")
        extra.append(time.perf_counter() - began - sum(entry["seconds"] for entry in result.curve))
    median = statistics.median(extra[1:])
    print(f"overhead per model beyond its epochs: {median:.3f} s (first of a process {extra[0]:.2f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="torch's threads; by default torch decides")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=sorted(NETWORKS), help="one network")
    parser.add_argument(
        "--cpu-time", action="store_true", help="time of this process alone: for a busy machine, 1 thread"
    )
    options = parser.parse_args()
    clock = time.process_time if options.cpu_time else time.perf_counter
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, median of {options.rounds} rounds")
    print(f"{'network':9} {'trainer':>9} {'plain':>9} {'ratio':>7}   images per second")
    with tempfile.TemporaryDirectory() as root:
        for name, recipe in recipes(Path(root)).items():
            if options.only in (None, name):
                steps = {"digits": 12, "cifar": 3, "imagenet": 3}[name]
                compare(name, recipe, options.rounds, steps, clock)
        overhead(load_recipe("digits", {"epochs": 3}))


if __name__ == "__main__":
    main()

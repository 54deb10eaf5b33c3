"""Training speed on this machine's CPU: the trainer against a plain PyTorch loop, and its overhead per model.

    .venv/bin/python tests/benchmarks/bench_training.py

The plain loop is the textbook's: NCHW tensors, a DataLoader over a TensorDataset or an ImageFolder, SGD with its
defaults, loss.item() and accuracy every step. Both train the same network on images of the same size (the largest from
the same JPEG files) with the same batch and threads, one by default. Each has a process of its own, the trainer's set
up as `dsx launch` sets up its workers; their rounds alternate, and the medians are compared, first steps left out.
Then, for networks of 83 kF to 42 MF, a model on each of two cores against one model on both, and what the first step
of a process costs that is begun anew, or forked from one that has imported everything; and three parts of training
(the optimiser's step, evaluation, normalising), each against the plain way to do it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.allocator import keep_freed_memory
from dsx.training.data.augment import Normalise
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.objective import make_optimiser, parameter_groups
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
    # by multiply-adds, for `cores`: at 8×8 and at 32×32
    "83 kF": network("cifar", 8, ((1, 8, 1), (1, 16, 2)), 8, 1),
    "1 MF": network("cifar", 8, ((1, 16, 2), (1, 24, 2)), 8, 3),
    "8 MF": network("cifar", 16, ((1, 24, 1), (2, 32, 2), (2, 48, 2)), 8, 3),
    "42 MF": network("cifar", 16, ((1, 48, 1), (4, 72, 2), (4, 144, 2)), 8, 3),
}
# network → the recipe that `cores` trains it with
BY_SIZE = {"83 kF": "digits", "1 MF": "cifar", "8 MF": "cifar", "42 MF": "cifar"}


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


def plain_data(architecture: Architecture, recipe: Recipe) -> tuple[Dataset[Any], int]:
    """Images, and how many processes load them: one for files, as many as the trainer has where the CPU trains."""
    size = recipe.resolution
    if recipe.data.dataset == "folder":
        from torchvision import transforms  # here, or it would count as what a process of dsx loads
        from torchvision.datasets import ImageFolder

        steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        normalised = transforms.Compose([*steps, transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
        return ImageFolder(f"{recipe.data.root}/train", normalised), 1
    images = torch.randn(recipe.batch_size * 12, architecture.in_channels, size, size)
    return TensorDataset(images, torch.arange(len(images)) % 10), 0


def plain_steps(architecture: Architecture, recipe: Recipe) -> Iterator[None]:
    """The textbook's loop, one step at a time, on the same files, or else on random images of the same shape."""
    data, workers = plain_data(architecture, recipe)
    loader = DataLoader(data, batch_size=recipe.batch_size, shuffle=True, drop_last=True, num_workers=workers)
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


def trainer_rounds(
    architecture: Architecture, recipe: Recipe, steps: int, clock: Clock
) -> Generator[list[float], None, None]:
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


def plain_rounds(
    architecture: Architecture, recipe: Recipe, steps: int, clock: Clock
) -> Generator[list[float], None, None]:
    """The same of the textbook's loop."""
    loop = plain_steps(architecture, recipe)
    while True:
        stamps = [clock() for _ in zip(range(steps + 1), loop, strict=False)]
        yield [after - before for before, after in pairwise(stamps)]


def serve(pipe: Connection, kind: str, name: str, recipe: Recipe, steps: int, threads: int, clock: str) -> None:
    """A process of one loop: a round for every True it is sent, its steps' seconds as the answer."""
    torch.set_num_threads(threads)
    if kind == "trainer":
        keep_freed_memory()
    loop = {"trainer": trainer_rounds, "plain": plain_rounds}[kind]
    rounds = loop(NETWORKS[name], recipe, steps, getattr(time, clock))
    while pipe.recv():
        pipe.send(next(rounds))
    rounds.close()


@contextmanager
def running(kind: str, *arguments: object) -> Iterator[Connection]:
    """The connection to a process that serves this loop."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, kind, *arguments))
    process.start()
    try:
        yield here
        here.send(False)
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()


def compare(name: str, recipe: Recipe, rounds: int, steps: int, clock: str) -> None:
    """Print images per second of both: medians over the steps of alternating rounds, the first left out."""
    arguments = (name, recipe, steps, torch.get_num_threads(), clock)
    seconds: dict[str, list[float]] = {"trainer": [], "plain": []}
    with running("trainer", *arguments) as trainer, running("plain", *arguments) as plain:
        for number in range(rounds + 1):
            for kind, pipe in (("trainer", trainer), ("plain", plain)):
                pipe.send(True)
                took = pipe.recv()
                seconds[kind] += took if number else []
    speed = {kind: recipe.batch_size / statistics.median(values) for kind, values in seconds.items()}
    ratio = speed["trainer"] / speed["plain"]
    print(
        f"{name:9} {speed['trainer']:9.1f} {speed['plain']:9.1f} {ratio:6.2f}×   batch {recipe.batch_size}", flush=True
    )


def cores(name: str, recipe: Recipe, rounds: int, steps: int) -> None:
    """Print one row: a model on each of two cores against one model on both, rounds alternating.

    images per second of CPU time, and by the clock: the first holds on a busy machine too. Threads wait without
    spinning, so that waiting costs no CPU time.
    """
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    costs: dict[str, list[float]] = {"processes": [], "threads": []}  # CPU seconds of a step
    walls: dict[str, list[float]] = {"processes": [], "threads": []}  # seconds in which a step of a model ends
    with (
        running("trainer", name, recipe, steps, 1, "process_time") as first,
        running("trainer", name, recipe, steps, 1, "process_time") as second,
        running("trainer", name, recipe, steps, 2, "process_time") as both,
    ):
        for number in range(rounds + 1):
            for kind, pipes in (("processes", (first, second)), ("threads", (both,))):
                began = time.perf_counter()
                for pipe in pipes:
                    pipe.send(True)
                taken = [seconds for pipe in pipes for seconds in pipe.recv()]
                if number:
                    costs[kind].append(statistics.mean(taken))
                    walls[kind].append((time.perf_counter() - began) / len(taken))
    cost, wall = ([t / p for p, t in zip(of["processes"], of["threads"], strict=True)] for of in (costs, walls))
    speed = {kind: recipe.batch_size / statistics.median(values) for kind, values in costs.items()}
    print(
        f"| {name} | {recipe.resolution}² | {recipe.batch_size} | {speed['processes']:,.0f} | {speed['threads']:,.0f} |"
        f" {statistics.median(cost):.2f} ({min(cost):.2f} to {max(cost):.2f}) |"
        f" {statistics.median(wall):.2f} ({min(wall):.2f} to {max(wall):.2f}) |",
        flush=True,
    )


def first_steps(recipe: Recipe, rounds: int) -> None:
    """Print CPU time until a new process has trained one step: begun anew, and forked from one that has imported."""
    seconds: dict[str, list[float]] = {"spawn": [], "forkserver": []}
    multiprocessing.set_forkserver_preload(["dsx.training.preload"])
    for number in range(rounds + 1):
        for method, taken in seconds.items():
            context: Any = multiprocessing.get_context(method)
            here, there = context.Pipe()
            process = context.Process(target=_first_step, args=(there, recipe))
            process.start()
            taken += [here.recv()] if number else []
            process.join()
    anew, forked = (statistics.median(taken) for taken in seconds.values())
    told = ", ".join(f"{method} {min(taken):.2f} to {max(taken):.2f}" for method, taken in seconds.items())
    print(f"CPU time to the end of the first step: anew {anew:.2f} s, forked {forked:.2f} s ({told}; n = {rounds})")


def _first_step(pipe: Connection, recipe: Recipe) -> None:
    torch.set_num_threads(1)
    next(trainer_rounds(NETWORKS["digits"], recipe, 1, time.process_time))
    pipe.send(time.process_time())


def compare_ways(part: str, ways: dict[str, Callable[[], object]], rounds: int, calls: int) -> None:
    """Print a row for each way to do a part but the first, dsx's: CPU time of both, and the ratio in the same round."""
    costs: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, action in ways.items():
            began = time.process_time()
            for _ in range(calls):
                action()
            costs[way] += [(time.process_time() - began) / calls] if number else []
    ours, *plain = ways
    for way in plain:
        ratios = [theirs / our for theirs, our in zip(costs[way], costs[ours], strict=True)]
        times = " | ".join(f"{1e3 * statistics.median(costs[name]):.3g}" for name in (ours, way))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {part} | {ours} | {way} | {times} | {spread} |", flush=True)


def parts(recipe: Recipe, small: Recipe, rounds: int) -> None:
    """Print what parts of the training of RegNetX-200MF cost as dsx does them and as plain torch does: milliseconds."""

    def step(**how: bool) -> Callable[[], object]:
        model = build(NETWORKS["imagenet"])
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        if not how:
            return make_optimiser(model, recipe).step
        groups, momentum = parameter_groups(model, recipe.optimiser), recipe.optimiser.momentum
        return torch.optim.SGD(groups, lr=0.1, momentum=momentum, nesterov=recipe.optimiser.nesterov, **how).step

    print("| part | dsx | plain | dsx, ms | plain, ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    ways = {"fused": step(), "a loop over parameters": step(foreach=False), "`foreach`": step(foreach=True)}
    compare_ways("a step of SGD", ways, rounds, 20)
    model, images = build(NETWORKS["imagenet"]).eval(), torch.randn(4, 3, 224, 224)
    ways = {
        "`inference_mode`": torch.inference_mode()(lambda: model(images)),
        "with autograd's bookkeeping": lambda: model(images),
    }
    compare_ways("evaluation of 4 images, 224×224", ways, rounds, 5)
    stored = torch.randint(0, 256, (128, 32, 32, 3), dtype=torch.uint8)
    normalise = Normalise(small, torch.device("cpu"), scale=255.0)
    mean, std = torch.tensor(small.data.mean), torch.tensor(small.data.std)
    ways = {"whole lines": lambda: normalise(stored), "pixel by pixel": lambda: (stored / 255.0 - mean) / std}
    compare_ways("normalising 128 images, 32×32", ways, rounds, 50)


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
    parser.add_argument("--threads", type=int, default=1, help="of torch; as many as `dsx launch` gives a model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--only",
        choices=("digits", "cifar", "imagenet", "cores", "first", "parts"),
        help="one network, or one comparison",
    )
    parser.add_argument(
        "--cpu-time", action="store_true", help="time of this process alone: for a busy machine, 1 thread"
    )
    options = parser.parse_args()
    clock = "process_time" if options.cpu_time else "perf_counter"
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, n = {options.rounds} rounds, medians")
    with tempfile.TemporaryDirectory() as root:
        known = recipes(Path(root))
        if options.only not in ("cores", "first", "parts"):
            print(f"{'network':9} {'trainer':>9} {'plain':>9} {'ratio':>7}   images per second")
        for name, recipe in known.items():
            if options.only in (None, name):
                steps = {"digits": 12, "cifar": 3, "imagenet": 3}[name]
                compare(name, recipe, options.rounds, steps, clock)
        if options.only in (None, "cores"):
            print("| network | images | batch | processes | threads | CPU time, ratio | time, ratio |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            for name, of in BY_SIZE.items():
                cores(name, known[of], options.rounds, {"digits": 12, "cifar": 3}[of])
        if options.only in (None, "first"):
            first_steps(known["digits"], options.rounds)
        if options.only in (None, "parts"):
            parts(known["imagenet"], known["cifar"], options.rounds)
    if options.only is None:
        overhead(load_recipe("digits", {"epochs": 3}))


if __name__ == "__main__":
    main()

"""Speed on one CUDA GPU, as ratios against timm's models and plain training steps in the same run; a Markdown table.

    make bench-gpu                                              # all, some twenty minutes
    .venv/bin/python tests/benchmarks/gpu/bench_gpu.py --short  # the most telling first, 200 seconds

Steps: the trainer's own step, as it is and recorded (`capture`), against timm's network of the same name in two plain
loops, on images that lie on the device. Loop timm: channels-last, under autocast, with timm's optimiser and one look
at the loss in 50 steps. Loop torchvision: NCHW, with loss.item() and top-1 and top-5 accuracy at every step, as
torchvision's reference script has it. TF32 and cuDNN's trials are as the trainer has them, for all three. Rounds
alternate; medians are compared.

Population: models of RegNetX-32 on made CIFAR files in memory, by `dsx launch` with several models per GPU and with
one, against one process per model, one after another, of some of the models, evenly spaced in flops. Whole commands are
timed, start and end of processes included; "running" leaves the start out: the models after the first of each worker.

Data: one training on JPEGs of ImageNet's usual size, made on the spot, read from files and prepared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from timm.optim import create_optimizer_v2
from torch import Tensor, nn

import dsx
from dsx.networks.architecture import Architecture
from dsx.networks.complexity import complexity
from dsx.networks.published import published
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.prepare import plan_preparation, prepare
from dsx.training.distributed import Group
from dsx.training.session import Session
from dsx.training.trainer import torch_settings, train

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from gpu_data import make_cifar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_data import make_pictures

CUDA = torch.device("cuda", 0)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TIMM = {"RegNetX-200MF": "regnetx_002", "RegNetX-400MF": "regnetx_004", "RegNetX-1.6GF": "regnetx_016"}
# network, resolution, images per step
SMALL = [("RegNetX-200MF", 32, 128), ("RegNetX-200MF", 32, 1024)]
SIZES = [("RegNetX-200MF", 224, 128), ("RegNetX-400MF", 224, 128), ("RegNetX-1.6GF", 224, 128)]
# models per GPU, and whether steps are recorded; the most telling first
WAYS = [(8, False), (8, True), (1, True), (4, True), (16, True), (1, False), (4, False), (16, False)]
# names of each made picture: an ImageNet's number of files, few of them to be made
LINKS = 40
Round = Callable[[int], None]

ONE_MODEL = """
import json, sys, time
marks = [time.perf_counter()]
import torch
marks.append(time.perf_counter())
import dsx, dsx.training.data.opening, dsx.training.trainer
from dsx.recipes.recipe import load_recipe
marks.append(time.perf_counter())
torch.zeros(1, device="cuda").item()
marks.append(time.perf_counter())
study, row, root, epochs = sys.argv[1:]
run = dsx.open_study(study).runs()[int(row)]
recipe = load_recipe("cifar10", {"data.root": root, "epochs": int(epochs)})
result = dsx.train(run.architecture, recipe, seed=run.seed, device="cuda")
marks.append(time.perf_counter())
seconds = [epoch["seconds"] for epoch in result.curve]
print(json.dumps([b - a for a, b in zip(marks, marks[1:])] + [seconds[0], sum(seconds[1:])]))
"""


class Held:
    """Batches that lie on the device already, the same few again and again: what `Session` asks of its batches."""

    def __init__(self, recipe: Recipe, images: Tensor, labels: Tensor) -> None:
        self.recipe, self.device, self.batch_size = recipe, images.device, recipe.batch_size
        self.steps_per_epoch = 10**9
        self.corrupt: set[str] = set()
        self._images, self._labels = images, labels

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield self._images, self._labels


def dsx_rounds(name: str, recipe: Recipe, images: Tensor, labels: Tensor) -> Round:
    """So many steps of the trainer, to their end."""
    batches: Any = Held(recipe, images, labels)
    session = Session(published(name), recipe, 0, batches, Group())
    return lambda steps: session.train_steps(session.step + steps)


def timm_rounds(name: str, recipe: Recipe, images: Tensor, labels: Tensor) -> Round:
    """The same of timm's network in the loop of timm's script."""
    model: nn.Module = timm.create_model(TIMM[name], num_classes=1000).to(CUDA).to(memory_format=torch.channels_last)
    optimiser = create_optimizer_v2(model, "sgd", lr=0.01, momentum=0.9, weight_decay=5e-5)
    criterion, dtype = nn.CrossEntropyLoss(), DTYPES[recipe.precision]
    done = 0

    def run(steps: int) -> None:
        nonlocal done
        model.train()
        for _ in range(steps):
            with torch.autocast("cuda", dtype, enabled=dtype is not torch.float32):
                loss = criterion(model(images), labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            done += 1
            if done % 50 == 0:
                loss.item()
        torch.cuda.synchronize()

    return run


def torchvision_rounds(name: str, recipe: Recipe, images: Tensor, labels: Tensor) -> Round:
    """The same of timm's network in the loop of torchvision's reference script."""
    model: nn.Module = timm.create_model(TIMM[name], num_classes=1000).to(CUDA)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-5, nesterov=True)
    criterion, dtype, planes = nn.CrossEntropyLoss(), DTYPES[recipe.precision], images.contiguous()

    def run(steps: int) -> None:
        model.train()
        for _ in range(steps):
            with torch.autocast("cuda", dtype, enabled=dtype is not torch.float32):
                output = model(planes)
                loss = criterion(output, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            hits = output.topk(5, 1).indices.eq(labels[:, None])
            _ = loss.item(), hits[:, 0].sum().item(), hits.sum().item()
        torch.cuda.synchronize()

    return run


def recorded_rounds(name: str, recipe: Recipe, images: Tensor, labels: Tensor) -> Round:
    """So many steps of the trainer, recorded."""
    return dsx_rounds(name, recipe.with_overrides({"capture": True}), images, labels)


LOOPS = {"dsx": dsx_rounds, "recorded": recorded_rounds, "timm": timm_rounds, "torchvision": torchvision_rounds}
RATIOS = [("dsx", "timm"), ("dsx", "torchvision"), ("recorded", "timm"), ("recorded", "dsx")]


def compare_steps(name: str, size: int, batch: int, precision: str, rounds: int, seconds: float) -> str:
    """A row of the table: images per second of the loops, medians over rounds, and their ratios."""
    torch.cuda.empty_cache()
    recipe = load_recipe("folder", {"resolution": size, "batch_size": batch, "precision": precision, "lr": 0.01})
    images = torch.randn(batch, 3, size, size, device=CUDA).to(memory_format=torch.channels_last)
    labels = torch.randint(1000, (batch,), device=CUDA)
    speeds: dict[str, list[float]] = {loop: [] for loop in LOOPS}
    with torch_settings(recipe, CUDA, None):
        runs = {loop: make(name, recipe, images, labels) for loop, make in LOOPS.items()}
        steps = {}
        for loop, run in runs.items():
            run(5)  # the library tries its ways to convolve
            began = time.perf_counter()
            run(5)
            steps[loop] = max(5, round(5 * seconds / (time.perf_counter() - began)))
        for _ in range(rounds):
            for loop, run in runs.items():
                began = time.perf_counter()
                run(steps[loop])
                speeds[loop].append(batch * steps[loop] / (time.perf_counter() - began))
    median = {loop: statistics.median(values) for loop, values in speeds.items()}
    spread = max(max(values) / min(values) for values in speeds.values())
    cells = [f"{median[loop]:,.0f}" for loop in LOOPS]
    ratios = [f"{median[a] / median[b]:.2f}" for a, b in RATIOS]
    return row(f"{name}, {size}²", precision, batch, *cells, *ratios, f"{spread:.2f}")


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(*columns: str) -> str:
    return row(*columns) + "\n" + row(*["---"] * len(columns))


def run_dsx(folder: Path, *arguments: object) -> float:
    """Seconds of a whole `dsx …`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "dsx", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}\n{done.stderr}")
    return time.perf_counter() - began


def sampled(folder: Path, study: str, models: int) -> None:
    run_dsx(folder, "sample", "--space", "RegNetX-32", "--n", models, "--out", study)


def launched(folder: Path, models: int, per_gpu: int, overrides: list[str], plain: float) -> str:
    """The cells of a launch. plain: models per hour of one process each."""
    study = f"models{per_gpu}{len(overrides)}"
    sampled(folder, study, models)
    options = ["--recipe", "cifar10", "--device", "cuda:0", f"launcher.models_per_gpu={per_gpu}", *overrides]
    began = time.time()
    seconds = run_dsx(folder, "launch", study, *options)
    records = [json.loads(path.read_text()) for path in (folder / study).rglob("result.json")]
    if len(records) != models:
        raise SystemExit(f"{len(records)} of {models} models have a result")
    ends = sorted(record["ended"] for record in records)
    first = min(record["ended"] - record["seconds"] for record in records) - began
    speed, running = 3600 * models / seconds, "–"
    if models > per_gpu:
        running = f"{3600 * (models - per_gpu) / (ends[-1] - ends[per_gpu - 1]):,.0f}"
    waiting = statistics.mean(record["waiting"] for record in records)
    return row_end(f"{speed:,.0f}", f"{speed / plain:.2f}", running, f"{first:.1f}", f"{waiting:.1%}")


def row_end(*cells: str) -> str:
    return " | ".join(cells) + " |"


def one_process_each(folder: Path, models: int, of: int, epochs: int, root: Path) -> tuple[float, list[float]]:
    """Models per hour, each in a new process, and the mean seconds of its parts (PARTS)."""
    sampled(folder, "single", of)
    runs = dsx.open_study(folder / "single").runs()
    order = sorted(range(of), key=lambda i: complexity(runs[i].architecture, 32).flops)
    parts = []
    began = time.perf_counter()
    for i in range(models):
        index = order[(2 * i + 1) * of // (2 * models)]
        command = [sys.executable, "-c", ONE_MODEL, "single", str(index), str(root), str(epochs)]
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        parts.append(json.loads(done.stdout.splitlines()[-1]))
    seconds = time.perf_counter() - began
    return 3600 * models / seconds, [statistics.mean(values) for values in zip(*parts, strict=True)]


PARTS = ("import torch", "import of all else", "context of the GPU", "training", "first epoch", "other epochs")


def compare_populations(models: int, singles: int, epochs: int, ways: list[tuple[int, bool]], until: float) -> None:
    """Print the table: models per hour, against one process per model. until: no row begins after this moment."""
    columns = ("models per hour", "ratio", "running, models per hour", "first step after, s", "waiting for data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = make_cifar(folder / "images", 10_000)
        plain, parts = one_process_each(folder, singles, models, epochs, root)
        print("\nOne process per model, seconds: ", end="")
        print(", ".join(f"{part} {seconds:.1f}" for part, seconds in zip(PARTS, parts, strict=True)))
        print(f"\nMade CIFAR files, 8,000 training images, {epochs} epochs, batch 128, float32\n")
        print(table("population", "n", *columns))
        print(row("one process per model", singles, f"{plain:,.0f}", "1.00", "", "", ""), flush=True)
        overrides = [f"recipe.data.root={root}", f"recipe.epochs={epochs}"]
        for per_gpu, recorded in ways:
            if time.monotonic() > until:
                print("\nno time was left for the other ways", flush=True)
                return
            options = [*overrides, "recipe.capture=true"] if recorded else overrides
            way = f"dsx launch, models_per_gpu={per_gpu}" + (", capture" if recorded else "")
            print(f"| {way} | {models} | {launched(folder, models, per_gpu, options, plain)}", flush=True)


def compare_data(images: int, until: float) -> None:
    """Print the table: one training of RegNetX-200MF at 224 on made pictures, from files and prepared.

    Pictures of ImageNet's usual size, in the page cache; bfloat16, batch 128; the second epoch counts.
    """
    columns = ("images/s", "waiting for data", "s to make ready")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "files", images // LINKS)
        for path in list((folder / "files").rglob("*.jpg")):
            for link in range(1, LINKS):
                os.link(path, path.with_name(f"{path.stem}-{link}.jpg"))
        fixed = {"data.root": str(folder / "files"), "epochs": 2, "batch_size": 128, "precision": "bfloat16"}
        files = load_recipe("folder", fixed | {"schedule.warmup_epochs": 0, "augmentation.lighting": 0.1})
        print(f"\nRegNetX-200MF, 224², bfloat16, batch 128; {images:,} JPEGs of 500×375, page cache\n")
        print(table("data", *columns), flush=True)
        began = time.perf_counter()
        prepare(plan_preparation(files.data, 256, folder / "prepared"), os.cpu_count() or 1, lambda done: None)
        seconds = time.perf_counter() - began
        there = {"data.storage": "prepared", "data.root": str(folder / "prepared")}
        ways = {"prepared": there, "prepared, capture": there | {"capture": True}, "files": {}}
        for way, overrides in ways.items():
            if time.monotonic() > until:
                print("\nno time was left for the other ways", flush=True)
                return
            network = Architecture.from_dict(published("RegNetX-200MF").to_dict() | {"num_classes": 10})
            record = train(network, files.with_overrides(overrides), device="cuda").curve[-1]
            speed = images // 128 * 128 / record["train_seconds"]
            ready = f"{seconds:.1f}" if way == "prepared" else ""
            print(row(way, f"{speed:,.0f}", f"{record['waiting']:.1%}", ready), flush=True)


def compare_sizes(
    sizes: list[tuple[str, int, int]], precisions: list[str], rounds: int, seconds: float, until: float
) -> None:
    """Print the table of steps. until: no row begins after this moment."""
    speeds = [f"{loop}, images/s" for loop in LOOPS]
    print("\n" + table("network", "precision", "batch", *speeds, *(f"{a} / {b}" for a, b in RATIOS), "widest spread"))
    for name, size, batch in sizes:
        for precision in precisions:
            if time.monotonic() > until:
                print("\nno time was left for the other networks", flush=True)
                return
            print(compare_steps(name, size, batch, precision, rounds, seconds), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer rounds and models; no row begins after 180 s")
    parser.add_argument("--only", choices=["steps", "population", "data"])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("bench_gpu: torch finds no CUDA GPU here")
    until = time.monotonic() + (180 if options.short else 3600)
    rounds, seconds = (3, 0.4) if options.short else (9, 2.0)
    today = datetime.now(timezone.utc).date()
    print(
        f"{today}, {torch.cuda.get_device_name(0)}, {os.cpu_count()} cores; dsx {dsx.__version__}, torch"
        f" {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, timm {timm.__version__}, torchvision"
        f" {torchvision.__version__}; medians of {rounds} alternating rounds of {seconds:g} s",
        flush=True,
    )
    both = list(DTYPES)
    if options.only in (None, "data"):
        compare_data(12_800 if options.short else 51_200, until)
    if options.only in (None, "steps"):
        compare_sizes(SMALL, both[:1] if options.short else both, rounds, seconds, until)
    if options.only in (None, "population"):
        models, singles, epochs = (24, 2, 6) if options.short else (32, 8, 10)
        # the last row of a short run may take as long as there is for two networks
        compare_populations(models, singles, epochs, WAYS, until - 15 if options.short else until)
    if options.only in (None, "steps"):
        compare_sizes([*SMALL, *SIZES] if options.short else SIZES, both[1:] if options.short else both,
                      rounds, seconds, until)  # fmt: skip


if __name__ == "__main__":
    main()

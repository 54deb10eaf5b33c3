"""Speed on one CUDA GPU, as ratios against timm's models and plain training steps in the same run; a Markdown table.

    make bench-gpu                                          # all, some ten minutes
    .venv/bin/python tests/benchmarks/gpu/bench_gpu.py --short      # within three minutes

Steps: the trainer's own step against timm's network of the same name in two plain loops, on images that lie on the
device. Loop timm: channels-last, under autocast, with timm's optimiser and one look at the loss in 50 steps. Loop
torchvision: NCHW, with loss.item() and top-1 and top-5 accuracy at every step, as torchvision's reference script has
it. TF32 and cuDNN's trials are as the trainer has them, for all three. Rounds alternate; medians are compared.

Population: models of RegNetX-32 on made CIFAR files in memory, by `dsx launch` with several models per GPU and with
one, against one process per model, one after another. Whole commands are timed, start and end of processes included.
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
from dsx.networks.published import published
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.distributed import Group
from dsx.training.session import Session
from dsx.training.trainer import torch_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from gpu_data import make_cifar

CUDA = torch.device("cuda", 0)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
TIMM = {"RegNetX-200MF": "regnetx_002", "RegNetX-400MF": "regnetx_004", "RegNetX-1.6GF": "regnetx_016"}
# network, resolution, images per step
SIZES = [("RegNetX-200MF", 224, 128), ("RegNetX-400MF", 224, 128), ("RegNetX-1.6GF", 224, 128)]
SMALL = [("RegNetX-200MF", 32, 128), ("RegNetX-200MF", 32, 1024)]
Round = Callable[[int], None]

ONE_MODEL = """
import sys, dsx
from dsx.recipes.recipe import load_recipe
study, row, root, epochs = sys.argv[1:]
run = dsx.open_study(study).runs()[int(row)]
recipe = load_recipe("cifar10", {"data.root": root, "epochs": int(epochs)})
dsx.train(run.architecture, recipe, seed=run.seed, device="cuda")
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


LOOPS = {"dsx": dsx_rounds, "timm": timm_rounds, "torchvision": torchvision_rounds}


def compare_steps(name: str, size: int, batch: int, precision: str, rounds: int, seconds: float) -> str:
    """A row of the table: images per second of the three, medians over rounds, and their ratios."""
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
    ratios = [f"{median['dsx'] / median[loop]:.2f}" for loop in ("timm", "torchvision")]
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


def launched(folder: Path, models: int, per_gpu: int, overrides: list[str]) -> tuple[float, float]:
    """Models per hour of a launch, and the mean share of training time that its models waited for data."""
    study = f"models{models}x{per_gpu}"
    run_dsx(folder, "sample", "--space", "RegNetX-32", "--n", models, "--out", study)
    options = ["--recipe", "cifar10", "--device", "cuda:0", f"launcher.models_per_gpu={per_gpu}", *overrides]
    seconds = run_dsx(folder, "launch", study, *options)
    records = [json.loads(path.read_text()) for path in (folder / study).rglob("result.json")]
    if len(records) != models:
        raise SystemExit(f"{len(records)} of {models} models have a result")
    return 3600 * models / seconds, statistics.mean(record["waiting"] for record in records)


def one_process_each(folder: Path, models: int, epochs: int, root: Path) -> float:
    """Models per hour, each in a new process."""
    study = f"single{models}"
    run_dsx(folder, "sample", "--space", "RegNetX-32", "--n", models, "--out", study)
    began = time.perf_counter()
    for index in range(models):
        command = [sys.executable, "-c", ONE_MODEL, study, str(index), str(root), str(epochs)]
        subprocess.run(command, cwd=folder, check=True)
    return 3600 * models / (time.perf_counter() - began)


def compare_populations(models: int, singles: int, epochs: int, per_gpu: list[int]) -> Iterator[str]:
    """Rows of the table: models per hour, against one process per model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = make_cifar(folder / "images", 10_000)
        plain = one_process_each(folder, singles, epochs, root)
        yield row("one process per model", singles, f"{plain:,.0f}", "1.00", "")
        overrides = [f"recipe.data.root={root}", f"recipe.epochs={epochs}"]
        for count in per_gpu:
            speed, waiting = launched(folder, models, count, overrides)
            cells = (f"{speed:,.0f}", f"{speed / plain:.2f}", f"{waiting:.1%}")
            yield row(f"dsx launch, models_per_gpu={count}", models, *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer rounds and models, within three minutes")
    parser.add_argument("--only", choices=["steps", "population"])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("bench_gpu: torch finds no CUDA GPU here")
    rounds, seconds = (3, 0.4) if options.short else (9, 2.0)
    today = datetime.now(timezone.utc).date()
    print(
        f"{today}, {torch.cuda.get_device_name(0)}, {os.cpu_count()} cores; dsx {dsx.__version__}, torch"
        f" {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, timm {timm.__version__}, torchvision"
        f" {torchvision.__version__}; medians of {rounds} alternating rounds of {seconds:g} s",
        flush=True,
    )
    if options.only != "population":
        loops = ("dsx, images/s", "timm, images/s", "torchvision, images/s")
        print("\n" + table("network", "precision", "batch", *loops, "dsx / timm", "dsx / torchvision", "widest spread"))
        for name, size, batch in [*SIZES, *SMALL]:
            for precision in DTYPES:
                print(compare_steps(name, size, batch, precision, rounds, seconds), flush=True)
    if options.only != "steps":
        models, singles, epochs, per_gpu = (16, 3, 4, [8]) if options.short else (32, 8, 10, [1, 4, 8, 16])
        print(f"\nMade CIFAR files, 9,000 training images, {epochs} epochs, batch 128, float32\n")
        print(table("population", "n", "models per hour", "ratio", "waiting for data"))
        for line in compare_populations(models, singles, epochs, per_gpu):
            print(line, flush=True)


if __name__ == "__main__":
    main()

"""Images per second that one core makes ready for training, that loaders do, and the memory of a process that does.

    .venv/bin/python tests/benchmarks/bench_data.py [--images 400] [--only workers]

Baseline: torchvision's ImageFolder with PIL, RandomResizedCrop, a flip, ToTensor and Normalize, batches by
default_collate, as its reference script trains. Against it, from the same files and with the same augmentation: dsx
as it streams files, and dsx with prepared images, both in this process (data.workers=0), which keeps freed memory as
workers do. Then the memory that a process needs for data, with as many images as ImageNet has (the same ones again and
again), and decoders of JPEG alone. One thread; rounds alternate; images per second of CPU time, medians, in one run.
Then files and prepared images with data.workers 0, 1 and 2 (processes for files, threads for prepared images), as
images per second by the clock and of CPU time, compared round by round with 0; nothing trains meanwhile, so all cores
are theirs. By the clock is of idle cores alone; CPU time, of whole processes, tells the price on a busy machine too.
Pictures are of ImageNet's usual size (500×375) and compressibility.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.utils.data import default_collate
from torchvision import transforms
from torchvision.datasets import ImageFolder

from dsx.base.text import align
from dsx.launch.devices import cpu_count
from dsx.recipes.datasets import DATASETS, PREPARED
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.allocator import keep_freed_memory
from dsx.training.data.opening import open_batches
from dsx.training.data.prepare import plan_preparation, prepare

BATCH, ROUNDS = 32, 5
WORKERS = (0, 1, 2)
# batches before the clock starts: more than workers have ready when nobody takes them
_READY = 10
_MEMORY = """
import sys, json, torch
from itertools import islice
from dsx.training.allocator import keep_freed_memory
from dsx.recipes.recipe import Recipe
from dsx.training.data.opening import open_batches
def private():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024
keep_freed_memory()
torch.set_num_threads(1)
torch.ones(3, 3) @ torch.ones(3, 3)
before = private()
batches = open_batches(Recipe.from_dict(json.loads(sys.argv[1])), 0, torch.device("cpu"))
for _ in islice(batches.training(0), 200): pass
for _ in batches.evaluation(): pass
print(f"{before:.0f} {private() - before:.0f}")
"""


def make_pictures(root: Path, images: int) -> None:
    """JPEGs of 500×375 (and some 375×500) smooth noise in ten classes, some 70 kB each; an eighth to evaluate."""
    rng = np.random.default_rng(0)
    for part, count in (("train", images), ("val", images // 8)):
        for i in range(count):
            folder = root / part / f"class{i % 10}"
            folder.mkdir(parents=True, exist_ok=True)
            width, height = (375, 500) if i % 4 == 0 else (500, 375)
            small = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
            pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) + rng.normal(
                0, 6, (height, width, 3)
            )
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i:05}.jpg", quality=92)


def rates(ways: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Images per second of CPU time of each way, in alternating rounds; a way does some images and says how many."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            images = way()
            seen[name].append(images / (time.process_time() - began))
    return {name: statistics.median(values) for name, values in seen.items()}


def plain_batches(root: Path, recipe: Recipe) -> Iterator[Any]:
    options = recipe.augmentation
    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(recipe.resolution, options.random_area, options.random_aspect),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(recipe.data.mean, recipe.data.std),
        ]
    )
    dataset = ImageFolder(str(root / "train"), transform)
    while True:
        for rows in torch.randperm(len(dataset)).split(BATCH)[:-1]:
            yield default_collate([dataset[row] for row in rows.tolist()])


def dsx_batches(recipe: Recipe) -> Iterator[Any]:
    batches, epoch = open_batches(recipe, 0, torch.device("cpu")), 0
    while True:
        yield from batches.training(epoch)
        epoch += 1


def of(source: Iterator[Any], count: int = 2) -> Callable[[], int]:
    return lambda: sum(len(next(source)[1]) for _ in range(count))


def grow(root: Path, images: int) -> None:
    """Make a folder of prepared images hold so many training images: the same ones again and again."""
    entries = np.load(root / "train.npy")
    np.save(root / "train.npy", np.resize(entries, images))
    manifest = json.loads((root / PREPARED).read_text())
    manifest["parts"]["train"]["images"] = images
    (root / PREPARED).write_text(json.dumps(manifest))


def memory(recipe: Recipe) -> list[str]:
    """MiB of a process of its own before it opens prepared images, and how many more after 200 steps and evaluation."""
    command = [sys.executable, "-c", _MEMORY, json.dumps(recipe.to_dict())]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def decoders(files: list[bytes]) -> dict[str, Callable[[bytes], np.ndarray]]:
    """Each from the bytes of a file to (height, width, 3) uint8: those that are installed."""
    from torchvision.io import decode_jpeg

    def by_torchvision(content: bytes) -> np.ndarray:
        return decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8)).permute(1, 2, 0).numpy()

    ways: dict[str, Callable[[bytes], np.ndarray]] = {
        "PIL": lambda content: np.asarray(Image.open(io.BytesIO(content)).convert("RGB")),
        "torchvision.io.decode_jpeg": by_torchvision,
    }
    if importlib.util.find_spec("simplejpeg"):
        import simplejpeg

        ways["simplejpeg, as libjpeg by default"] = lambda content: simplejpeg.decode_jpeg(
            content, "RGB", fastdct=False
        )
    if importlib.util.find_spec("cv2"):
        import cv2

        ways["OpenCV"] = lambda content: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    return ways


class Rates(NamedTuple):
    """Images per second: by the clock once workers run, and of CPU time of all processes, start and end included."""

    clock: float
    cpu: float


def epoch_rates(recipe: Recipe, workers: int) -> Rates:
    """An epoch with new workers."""
    cpu = _cpu_seconds()
    source = open_batches(recipe.with_overrides({"data.workers": workers}), 0, torch.device("cpu"))
    try:
        coming = source.training(0)
        first = sum(len(labels) for _, labels in islice(coming, _READY))
        began = time.perf_counter()
        rest = sum(len(labels) for _, labels in coming)
        took = time.perf_counter() - began
    finally:
        source.close()
    return Rates(rest / took, (first + rest) / (_cpu_seconds() - cpu))


def _cpu_seconds() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def bench_workers(name: str, recipe: Recipe) -> None:
    """Print a row for each number of workers."""
    seen: dict[int, list[Rates]] = {workers: [] for workers in WORKERS}
    for _ in range(ROUNDS):
        for workers, speeds in seen.items():
            speeds.append(epoch_rates(recipe, workers))
    rows = [[name, "images/s by the clock", "ratio", "", "of CPU time", "ratio", ""]]
    for workers, speeds in seen.items():
        cells = []
        for ours, alone in zip(zip(*speeds, strict=True), zip(*seen[0], strict=True), strict=True):
            ratios = [mine / theirs for mine, theirs in zip(ours, alone, strict=True)]
            spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
            cells += [f"{statistics.median(ours):,.0f}", f"{statistics.median(ratios):.2f}", spread]
        rows.append([f"  data.workers={workers}", *cells])
    print(align(rows), flush=True)


def repeated(root: Path, into: Path, images: int) -> None:
    """The same files again and again, as links, until there are at least so many to train on."""
    files = sorted(path for path in root.rglob("*.jpg"))
    training = sum(path.is_relative_to(root / "train") for path in files)
    for path in files:
        folder = into / path.relative_to(root).parent
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(-(-images // training)):
            os.link(path, folder / f"{copy}-{path.name}")


def recipes(root: Path, resolution: int, images: int) -> tuple[Recipe, Recipe]:
    """Of the pictures in root/files, and of the same once they are prepared, again and again up to so many."""
    size = 256 * resolution // 224
    options = {"resolution": resolution, "augmentation.evaluation_resize": size, "data.prepared_size": size}
    fixed = {"batch_size": BATCH, "data.workers": 0, "data.root": str(root / "files")}
    files = load_recipe("folder", fixed | options)
    there = Path(tempfile.mkdtemp(dir=root), "prepared")
    prepare(plan_preparation(files.data, size, there), 2, lambda done: None)
    grow(there, images)
    return files, files.with_overrides({"data.storage": "prepared", "data.root": str(there)})


def bench_paths(root: Path, files: Recipe, prepared: Recipe) -> None:
    """Print images per second of CPU time of each way to the same batches, and the memory of the last one."""
    rows = rates(
        {
            "torchvision's ImageFolder, PIL": of(plain_batches(root / "files", files)),
            "dsx, files (stream)": of(dsx_batches(files)),
            "dsx, prepared": of(dsx_batches(prepared), 8),
        }
    )
    base = next(iter(rows.values()))
    size = files.resolution
    print(f"{size}×{size}, images per second of one core (n = {ROUNDS} rounds, medians):")
    table = [["", "images/s", "ratio"], *([k, f"{v:,.0f}", f"{v / base:.2f}"] for k, v in rows.items())]
    print(align(table))
    told = memory(prepared)
    print(f"  anonymous memory (MiB): {told[0]} before, {told[1]} more with data, at batch {BATCH}", flush=True)


def bench_decoders(files: list[bytes]) -> None:
    """Print images per second of CPU time of each decoder, and whether its pixels are PIL's."""
    ways = decoders(files)
    expected = [ways["PIL"](content) for content in files]
    rows = rates({name: lambda way=way: len([way(content) for content in files]) for name, way in ways.items()})  # type: ignore[misc]
    print("decoders of JPEG:")
    table = [["", "images/s", "ratio", "pixels as PIL's"]]
    for name, way in ways.items():
        same = all(np.array_equal(way(content), pixels) for content, pixels in zip(files, expected, strict=True))
        table.append([name, f"{rows[name]:,.0f}", f"{rows[name] / rows['PIL']:.2f}", "yes" if same else "no"])
    print(align(table))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--only", choices=("paths", "workers", "decoders"), help="one of the comparisons")
    given = parser.parse_args()
    wanted = (given.only,) if given.only else ("paths", "workers", "decoders")
    torch.set_num_threads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_pictures(root / "files", given.images)
        for resolution in (224, 128) if "paths" in wanted else ():
            bench_paths(root, *recipes(root, resolution, DATASETS["imagenet"].training_images or 0))
        if "workers" in wanted:
            files, prepared = recipes(root, 224, BATCH * 100)
            print(f"224×224, workers on {cpu_count()} cores (n = {ROUNDS} rounds, medians):")
            repeated(root / "files", root / "many", BATCH * 40)
            bench_workers("files (stream)", files.with_overrides({"data.root": str(root / "many")}))
            bench_workers("prepared", prepared)
        if "decoders" in wanted:
            bench_decoders([path.read_bytes() for path in sorted((root / "files" / "train").rglob("*.jpg"))[:60]])


if __name__ == "__main__":
    main()

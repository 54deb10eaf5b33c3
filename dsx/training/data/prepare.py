"""Preparing images: each is decoded and resized once, in parallel; what was done before a kill is kept.

Every process writes shards: a file of pixels, and beside it a journal with one record for each image that is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from io import FileIO
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np

from dsx.base.errors import DsxError
from dsx.base.files import TEMPORARY_SUFFIX, load_json, replacing, write_json
from dsx.base.nested import differences
from dsx.base.provenance import versions
from dsx.recipes.datasets import DATASETS, PREPARED
from dsx.recipes.options import Data
from dsx.training.data.images import ImageSet, ImageSource, spread_rows
from dsx.training.data.parts import open_source
from dsx.training.data.pixels import Unreadable
from dsx.training.data.prepared import ENTRY, FORMAT, PreparedImages, shard_path, stored_bytes, table_path
from dsx.training.faults import DataError

# of a part: at most so many shards, which stay open while training, and none of fewer images
_MOST_SHARDS, _LEAST_IMAGES = 256, 128
# images of each part from which the room they need is estimated
_ESTIMATED_FROM = 48
_BEGUN = "begun.json"
_LOCK = ".lock"
_LOOK_S = 0.2  # between looks at how far it is


@dataclass(frozen=True)
class Preparation:
    """What is to be done. kept: images done before. bytes_needed: of the disk, about, still."""

    data: Data
    size: int
    out: Path
    source: ImageSource
    content: dict[str, Any]
    kept: int = 0
    bytes_needed: int = 0

    @property
    def total(self) -> int:
        return sum(len(images.labels) for images in self.parts.values())

    @property
    def parts(self) -> dict[str, ImageSet]:
        """`train`, and `evaluation` if there is such a part."""
        parts = {"train": self.source.training, "evaluation": self.source.evaluation}
        return {part: images for part, images in parts.items() if images is not None}

    @property
    def shards(self) -> list[tuple[str, int, np.ndarray]]:
        """Part, number and rows of every shard."""
        shards: list[tuple[str, int, np.ndarray]] = []
        for part, images in self.parts.items():
            count = len(images.labels)
            divided = np.array_split(np.arange(count), max(1, min(_MOST_SHARDS, count // _LEAST_IMAGES)))
            shards += [(part, number, rows) for number, rows in enumerate(divided)]
        return shards

    @property
    def paths(self) -> list[Path]:
        """The pixels of every shard; beside each its journal."""
        return [shard_path(self.out, part, number) for part, number, _ in self.shards]

    @property
    def is_complete(self) -> bool:
        return (self.out / PREPARED).exists()


def plan_preparation(data: Data, size: int, out: Path) -> Preparation:
    """Open the images, look at what is done, and at the disk. Writes nothing.

    size: pixels of the shorter side; smaller images stay as they are. Raises DsxError if the folder holds something
    else, or the disk has no room.
    """
    source = open_source(data)
    plan = Preparation(data, size, out, source, _content(data, size, source))
    parts = plan.parts.values()
    if any(images.dtype != np.uint8 for images in parts):
        raise DataError(f"data set {data.dataset}: its images are floats: only images of bytes can be prepared")
    _check_folder(out, plan.content)
    kept = plan.total if plan.is_complete else _done(plan.paths)
    mean = sum(_mean_bytes(images, size) * len(images.labels) for images in parts) / max(plan.total, 1)
    needed = round(mean * (plan.total - kept))
    there = next(place for place in (out, *out.resolve().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise DsxError(
            f"{out}: {plan.total - kept:,} images need about {needed / 1e9:,.2f} GB and {free / 1e9:,.2f} GB are free:"
            " choose a smaller --size, or another --out"
        )
    return replace(plan, kept=kept, bytes_needed=needed)


def prepare(plan: Preparation, workers: int, on_progress: Callable[[int], None]) -> dict[str, Any]:
    """Do it, and return the manifest; safe to be killed and called again. on_progress: told the images done so far.

    Raises DsxError if a process dies, the disk is full, or another is at work in the folder.
    """
    if plan.is_complete:
        return load_json(plan.out / PREPARED)[0] or {}
    with _alone(plan.out):
        write_json(plan.out / _BEGUN, plan.content)
        paths, parts = plan.paths, plan.parts
        with ProcessPoolExecutor(workers, get_context("fork"), initializer=_end_with_parent) as pool:
            jobs = [
                pool.submit(_write_shard, parts[part].take(rows), plan.size, path, number, len(plan.data.mean))
                for (part, number, rows), path in zip(plan.shards, paths, strict=True)
            ]
            _wait(jobs, paths, on_progress)
        manifest = _manifest(plan)
        write_json(plan.out / PREPARED, manifest)
        for path in (*map(_journal, paths), plan.out / _BEGUN):
            path.unlink(missing_ok=True)
    return manifest


def _content(data: Data, size: int, source: ImageSource) -> dict[str, Any]:
    """What the folder will hold: it can be gone on with only if all of this is the same."""
    listing = hashlib.blake2b(digest_size=16)
    for images in (source.training, source.evaluation):
        for row in range(0 if images is None else len(images.labels)):
            listing.update(f"{images.name(row)}\0{images.labels[row]}\n".encode())  # type: ignore[union-attr]
    known = data.dataset in DATASETS and not DATASETS[data.dataset].files
    return {
        "format": FORMAT,
        "dataset": data.dataset,
        "source": data.root,
        "size": size,
        "channels": len(data.mean),
        "background": None if known else list(data.mean),
        "evaluation_folder": None if source.evaluation is None or known else Path(source.places[1]).name,
        "listing": listing.hexdigest(),
        "classes": list(source.classes),
    }


def _check_folder(out: Path, content: Mapping[str, object]) -> None:
    """Raises DsxError if the folder was prepared, or begun, as something else, or is one of other files."""
    for name in (PREPARED, _BEGUN):
        before, problem = load_json(out / name)
        if problem:
            raise DsxError(f"{problem}; remove {out}, or give another --out")
        for key, change in differences({k: v for k, v in (before or content).items() if k in content}, content).items():
            raise DsxError(f"{out}: holds other images ({key}: {change}): give another --out, or remove it")
    if out.is_dir() and not any((out / name).exists() for name in (PREPARED, _BEGUN)):
        names = {path.name for path in out.iterdir() if path.suffix != TEMPORARY_SUFFIX} - {_LOCK}
        if other := min(names, default=None):
            raise DsxError(f"{out}: holds other files, such as {other}: give an --out that is new or empty")


def _done(paths: Sequence[Path]) -> int:
    """Images of these shards that are whole."""
    return sum(journal.stat().st_size // ENTRY.itemsize for journal in map(_journal, paths) if journal.exists())


def _journal(path: Path) -> Path:
    return path.with_suffix(".journal")


def _mean_bytes(images: ImageSet, size: int) -> float:
    """Of a resized image, from some evenly spread."""
    sizes = []
    for row in spread_rows(len(images.labels), _ESTIMATED_FROM).tolist():
        with contextlib.suppress(Unreadable):
            height, width, channels = images.read(row, row).shape
            shrunk = min(1.0, size / min(height, width)) ** 2
            sizes.append(height * width * channels * shrunk)
    return float(np.mean(sizes)) if sizes else 0.0


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Nobody else writes into the folder meanwhile; the lock ends with the processes that hold it."""
    import fcntl

    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = open(out / _LOCK, "w")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise DsxError(
            f"{out}: cannot be a folder of images ({error.strerror or error}): name another with --out"
        ) from None
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DsxError(f"{out}: another process prepares it: wait for its end") from None
        yield


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work forever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _wait(jobs: list[Future[None]], paths: list[Path], on_progress: Callable[[int], None]) -> None:
    left = set(jobs)
    while left:
        over, left = wait(left, _LOOK_S, FIRST_EXCEPTION)
        on_progress(_done(paths))
        try:
            for job in over:
                job.result()
        except BrokenProcessPool:
            why = "a process that prepares images was killed, perhaps for want of memory: run the same command again"
            raise DsxError(f"{why}, with fewer --workers; what is done is kept") from None
        except OSError as error:
            why = f"{error.filename or 'preparing'}: {error.strerror or error}"
            raise DsxError(f"{why}; what is done is kept") from None


def _write_shard(images: ImageSet, size: int, path: Path, shard: int, channels: int) -> None:
    """Append what is missing of a shard."""
    import torch

    torch.set_num_threads(1)
    count = len(images.labels)
    with open(path, "a+b", buffering=0) as pixels, open(_journal(path), "a+b", buffering=0) as journal:
        done, offset = _whole_entries(pixels, journal, count, channels)
        for row in range(done, count):
            try:
                shrunk = _shrunk(images.read(row, row), size)
                (height, width), content = shrunk.shape[:2], shrunk.tobytes()
            except Unreadable as error:
                content = f"{images.name(row)}: {error}".encode()
                height, width = 0, len(content)
            _write(pixels, content)
            if row == count - 1:
                os.fsync(pixels.fileno())
            entry = (images.labels[row], offset, height, width, zlib.crc32(content), shard)
            _write(journal, np.array([entry], ENTRY).tobytes())
            offset += len(content)


def _shrunk(pixels: np.ndarray, size: int) -> np.ndarray:
    """(height, width, channels) uint8 with a shorter side of at most `size`, as evaluation images are resized."""
    import torch
    from torchvision.transforms.v2 import functional

    if min(pixels.shape[:2]) <= size:
        return pixels
    planes = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
    shrunk: np.ndarray = functional.resize(planes, [size], antialias=True).permute(1, 2, 0).numpy()
    return shrunk


def _write(file: FileIO, content: bytes) -> None:
    """All of it: an unbuffered file may take less at a time, above all when the disk is nearly full."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _whole_entries(pixels: FileIO, journal: FileIO, count: int, channels: int) -> tuple[int, int]:
    """How many images of a shard are whole, and their bytes; what is torn is cut off. A finished shard is believed."""
    journal.seek(0)
    content = journal.read()
    entries = np.frombuffer(content[: len(content) // ENTRY.itemsize * ENTRY.itemsize], ENTRY)
    if len(entries) == count:
        return count, 0
    end = whole = 0
    pixels.seek(0)
    for entry in entries:
        image = pixels.read(stored_bytes(entry, channels))
        if zlib.crc32(image) != entry["crc"]:
            break
        whole, end = whole + 1, end + len(image)
    pixels.truncate(end)
    journal.truncate(whole * ENTRY.itemsize)
    return whole, end


def _manifest(plan: Preparation) -> dict[str, Any]:
    """Write the tables; what the folder holds, and by what it was made."""
    parts: dict[str, Any] = {}
    unreadable: list[str] = []
    for part in plan.parts:
        paths = [shard_path(plan.out, part, number) for of_part, number, _ in plan.shards if of_part == part]
        entries = np.concatenate([np.fromfile(_journal(path), ENTRY) for path in paths])
        with replacing(table_path(plan.out, part)) as temporary, open(temporary, "wb") as file:
            np.save(file, entries)
        sizes = [path.stat().st_size for path in paths]
        # it covers every pixel: the table holds a check sum of each image
        digest = hashlib.blake2b(entries.tobytes(), digest_size=16).hexdigest()
        parts[part] = {"images": len(entries), "bytes": sizes, "hash": digest}
        images = PreparedImages(plan.out, part, len(plan.data.mean), entries, np.arange(len(entries)))
        unreadable += [images.reason(row) for row in np.flatnonzero(entries["height"] == 0).tolist()]
    made_by = versions(("dsx", "pillow", "torch", "torchvision", "numpy"))
    return plan.content | {
        "parts": parts, "unreadable": unreadable, "notes": list(plan.source.notes), "versions": made_by
    }  # fmt: skip

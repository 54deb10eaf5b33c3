"""Prepared images: decoded and resized once (`dsx data prepare`), then read as bytes through the page cache.

Below `data.root` lie a manifest, one table of all images of each part, and the files that hold their pixels:
image after image, (height, width, channels) uint8. All processes of a machine that map a file share one copy of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsx.base.files import load_json
from dsx.recipes.datasets import PREPARED
from dsx.recipes.options import Data
from dsx.training.data.images import BYTES, ImageSource
from dsx.training.data.pixels import Unreadable
from dsx.training.faults import DataError

FORMAT = 1
# what the table of a part says of each image. An unreadable one has height 0; its `width` bytes say why, as text
ENTRY = np.dtype(
    [("label", "<i8"), ("offset", "<u8"), ("height", "<u4"), ("width", "<u4"), ("crc", "<u4"), ("shard", "<u4")]
)


def table_path(root: Path, part: str) -> Path:
    """The table of a part, `train` or `evaluation`."""
    return root / f"{part}.npy"


def shard_path(root: Path, part: str, shard: int) -> Path:
    """Pixels of some of its images."""
    return root / f"{part}.{shard:03}.pixels"


def stored_bytes(entry: np.void, channels: int) -> int:
    """How many bytes an entry's pixels are, or its reason."""
    return int(entry["height"]) * int(entry["width"]) * channels or int(entry["width"])


@dataclass(frozen=True)
class PreparedImages:
    """Images that lie in mapped files. entries: (n,) of ENTRY. rows: (n,) numbers of the images in the whole part."""

    root: Path
    part: str
    channels: int
    entries: np.ndarray
    rows: np.ndarray
    dtype: np.dtype = BYTES
    _files: dict[int, np.ndarray] = field(default_factory=dict)

    @cached_property
    def labels(self) -> np.ndarray:
        return np.ascontiguousarray(self.entries["label"])

    def name(self, row: int) -> str:
        return f"{self.root}: {self.part} image {self.rows[row]}"

    def read(self, row: int, seed: int = 0) -> np.ndarray:  # noqa: ARG002 (sets that draw at random take it)
        """A view of the mapped file. Raises Unreadable with what was said when the images were prepared."""
        entry = self.entries[row]
        if not entry["height"]:
            raise Unreadable(self.reason(row))
        return self._stored(entry).reshape(entry["height"], entry["width"], self.channels)

    def reason(self, row: int) -> str:
        """File and fault of an unreadable image."""
        return self._stored(self.entries[row]).tobytes().decode()

    def _stored(self, entry: np.void) -> np.ndarray:
        """(bytes,) of an entry, mapped."""
        shard, offset = int(entry["shard"]), int(entry["offset"])
        if shard not in self._files:
            self._files[shard] = np.memmap(shard_path(self.root, self.part, shard), np.uint8, "r").view(np.ndarray)
        return self._files[shard][offset : offset + stored_bytes(entry, self.channels)]

    def take(self, rows: np.ndarray) -> PreparedImages:
        return PreparedImages(self.root, self.part, self.channels, self.entries[rows], self.rows[rows])


def open_prepared(data: Data) -> ImageSource:
    """All images of a prepared folder. Raises DataError if they are not there, or were prepared otherwise."""
    if data.root is None:
        raise DataError("data.storage=prepared needs data.root, the folder that `dsx data prepare` wrote")
    root = Path(os.path.expanduser(data.root))
    manifest, problem = load_json(root / PREPARED)
    if manifest is None:
        begun = next(root.glob("*.pixels"), None) is not None
        state = problem or (f"{root}: its images are not all prepared yet" if begun else f"{root}: no {PREPARED} there")
        raise DataError(f"{state}; `dsx data prepare {data.dataset} --root FOLDER --out {data.root}` makes it")
    _check(data, manifest)
    training = _part(root, "train", manifest)
    evaluation = _part(root, "evaluation", manifest) if data.split.evaluate == "official" else None
    where = "held out of them" if evaluation is None else f"{data.root} (its {manifest['evaluation_folder']} images)"
    return ImageSource(training, evaluation, manifest["classes"], (data.root, where), tuple(manifest["notes"]))


def _check(data: Data, manifest: dict[str, Any]) -> None:
    """Raises DataError if the folder does not hold what the recipe says."""
    official = data.split.evaluate == "official"
    folder = data.evaluation_folder if official and data.evaluation_folder else manifest["evaluation_folder"]
    background = manifest["background"] or list(data.mean)
    for key, of_folder, of_recipe, remedy in (
        ("its format is", manifest["format"], FORMAT, "prepare it anew, or use the dsx that wrote it"),
        ("data.dataset", manifest["dataset"], data.dataset, "choose another folder or recipe"),
        ("data.prepared_size", manifest["size"], data.prepared_size, "set what the folder has, or prepare another"),
        ("data.mean", background, list(data.mean), "prepare with the recipe's, which is what transparent pixels show"),
        ("data.evaluation_folder", manifest["evaluation_folder"], folder, "prepare another"),
    ):
        if of_folder != of_recipe:
            raise DataError(f"{data.root}: {key} {of_folder}, and the recipe has {of_recipe}: {remedy}")
    if official and "evaluation" not in manifest["parts"]:
        raise DataError(
            f"{data.root}: was prepared without evaluation images: set data.split.evaluate=held_out, or prepare them"
        )


def _part(root: Path, part: str, manifest: dict[str, Any]) -> PreparedImages:
    """Raises DataError unless the files have the lengths that they were written with."""
    table = table_path(root, part)
    sizes: Sequence[int] = manifest["parts"][part]["bytes"]
    try:
        entries = np.load(table, mmap_mode="r")
        short = [n for n, size in enumerate(sizes) if shard_path(root, part, n).stat().st_size != size]
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{root}: {table.name} or files beside it are not readable ({error}); copy them again"
        ) from None
    if short or len(entries) != manifest["parts"][part]["images"]:
        name = shard_path(root, part, short[0]).name if short else table.name
        raise DataError(f"{root / name}: has another length than it was written with; copy or prepare it again")
    return PreparedImages(root, part, manifest["channels"], entries, np.arange(len(entries)))

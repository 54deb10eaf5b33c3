"""Where images to be decoded come from: folders of files, one per class, or a Dataset by import path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dsx.recipes.datasets import DATASETS
from dsx.recipes.options import Data
from dsx.training.data.arrays import missing
from dsx.training.data.custom import make_custom, pixels
from dsx.training.data.split import held_out_split
from dsx.training.faults import DataError

_OFFICIAL = ("val", "validation", "test")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


class Reader(Protocol):
    """Images by number. labels: (n,) int64."""

    @property
    def labels(self) -> np.ndarray: ...

    def name(self, row: int) -> str: ...

    def read(self, row: int, channels: int) -> np.ndarray:
        """(height, width, channels) uint8. Raises OSError or ValueError if it cannot be decoded."""
        ...


@dataclass(frozen=True)
class FileReader:
    """One image per file."""

    paths: np.ndarray
    labels: np.ndarray

    def name(self, row: int) -> str:
        return str(self.paths[row])

    def read(self, row: int, channels: int) -> np.ndarray:
        from PIL import Image

        with Image.open(self.paths[row]) as image:
            return pixels(image.convert("RGB" if channels == 3 else "L"))

    def take(self, rows: np.ndarray) -> FileReader:
        return FileReader(self.paths[rows], self.labels[rows])


class DatasetReader:
    """Items of a Dataset by import path, as often as they are asked for."""

    def __init__(self, name: str, dataset: Any, rows: np.ndarray, labels: np.ndarray) -> None:
        self._name, self._dataset, self._rows, self.labels = name, dataset, rows, labels

    def name(self, row: int) -> str:
        return f"{self._name}[{self._rows[row]}]"

    def read(self, row: int, channels: int) -> np.ndarray:
        image = pixels(self._dataset[int(self._rows[row])][0])
        if image.dtype != np.uint8:
            image = np.rint(image * 255).clip(0, 255).astype(np.uint8)
        if image.shape[2] != channels:
            raise ValueError(f"{image.shape[2]} channels instead of {channels}")
        return image


def open_readers(data: Data) -> tuple[Reader, Reader, int]:
    """(training images, evaluation images, classes). Raises DataError if they are not where they should be."""
    if data.dataset not in DATASETS:
        return _custom(data)
    if data.root is None:
        raise DataError(
            f"data set {data.dataset} needs data.root, the folder that holds {DATASETS[data.dataset].layout}"
        )
    training, classes = _listed(data.dataset, data.root, "train")
    wanted = DATASETS[data.dataset].num_classes
    if wanted is not None and len(classes) != wanted:
        raise missing(data.dataset, data.root, f"{len(classes)} class folders in train instead of {wanted}")
    if data.split.evaluate == "held_out":
        kept, held = held_out_split(training.labels, data.split.held_out, data.split.seed)
        return training.take(kept), training.take(held), len(classes)
    folder = next((name for name in _OFFICIAL if (Path(data.root) / name).is_dir()), None)
    if folder is None:
        raise missing(
            data.dataset, data.root, "no folder val, validation or test (data.split.evaluate=held_out needs none)"
        )
    evaluation, found = _listed(data.dataset, data.root, folder)
    if found != classes:
        odd = sorted(set(classes) ^ set(found))
        raise DataError(
            f"{data.root}: train and {folder} have different classes; only one of them has {', '.join(odd[:5])}"
        )
    return training, evaluation, len(classes)


@lru_cache(maxsize=4)
def _listed(dataset: str, root: str, part: str) -> tuple[FileReader, tuple[str, ...]]:
    """All image files of root/part/CLASS/, sorted, and the classes, sorted."""
    folder = Path(root) / part
    if not folder.is_dir():
        raise missing(dataset, root, f"no folder {folder}")
    classes = tuple(sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()))
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = [
            os.path.join(parent, file)
            for parent, _, files in os.walk(folder / name, followlinks=True)
            for file in files
            if file.lower().endswith(_SUFFIXES)
        ]
        if not found:
            raise missing(dataset, root, f"no image in {folder / name}")
        paths += sorted(found)
        labels += [label] * len(found)
    if len(classes) < 2:
        raise missing(dataset, root, f"{len(classes)} class folders in {folder}; at least 2 are needed")
    return FileReader(np.array(paths), np.array(labels, dtype=np.int64)), classes


def _custom(data: Data) -> tuple[Reader, Reader, int]:
    """The Dataset's own `targets` are its labels; without them every item is read once."""

    def labels_of(dataset: Any) -> np.ndarray:
        targets = getattr(dataset, "targets", None)
        found = targets if targets is not None else [dataset[i][1] for i in range(len(dataset))]
        return np.asarray(found, dtype=np.int64)

    name, dataset = data.dataset, make_custom(data.dataset, data.root, True)
    labels = labels_of(dataset)
    classes = data.num_classes or int(labels.max()) + 1
    if data.split.evaluate == "official":
        own = make_custom(name, data.root, False)
        every = DatasetReader(name, dataset, np.arange(len(labels)), labels)
        return every, DatasetReader(name, own, np.arange(len(own)), labels_of(own)), classes
    kept, held = held_out_split(labels, data.split.held_out, data.split.seed)
    readers = [DatasetReader(name, dataset, rows, labels[rows]) for rows in (kept, held)]
    return readers[0], readers[1], classes

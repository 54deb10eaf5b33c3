"""What a set of labelled images is, whatever it is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dsx.training.data.pixels import Unreadable
from dsx.training.faults import CorruptData, DataError

BYTES = np.dtype(np.uint8)


class ImageSet(Protocol):
    """Images by row. labels: (n,) int64. dtype: of all images, uint8 (0–255) or float32 (0–1)."""

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def dtype(self) -> np.dtype: ...

    def name(self, row: int) -> str:
        """The file or item that a row is, for messages."""
        ...

    def read(self, row: int, seed: int = 0) -> np.ndarray:
        """(height, width, channels) of `dtype`. seed: of random numbers that reading may draw.

        Raises Unreadable, and DataError if no image of the set would do.
        """
        ...

    def take(self, rows: np.ndarray) -> ImageSet: ...


@dataclass(frozen=True)
class Stored:
    """Images in memory: an array (n, height, width, channels), or a list where they differ in shape."""

    images: np.ndarray | Sequence[np.ndarray]
    labels: np.ndarray
    what: str = "image"  # before the row's number, where there are none
    names: Sequence[str] | None = None  # of the rows
    unreadable: dict[int, str] = field(default_factory=dict)  # by row, why there is none

    @property
    def dtype(self) -> np.dtype:
        return self.images[0].dtype

    def name(self, row: int) -> str:
        return self.names[row] if self.names is not None else f"{self.what}[{row}]"

    def read(self, row: int, seed: int = 0) -> np.ndarray:  # noqa: ARG002 (sets that draw at random take it)
        if row in self.unreadable:
            raise Unreadable(self.unreadable[row])
        return self.images[row]

    def take(self, rows: np.ndarray) -> Stored:
        images = self.images[rows] if isinstance(self.images, np.ndarray) else [self.images[row] for row in rows]
        names = [self.name(row) for row in rows]
        unreadable = {new: self.unreadable[row] for new, row in enumerate(rows.tolist()) if row in self.unreadable}
        return Stored(images, self.labels[rows], self.what, names, unreadable)


@dataclass(frozen=True, eq=False)
class ImageSource:
    """All images of a data set, before any are held out."""

    training: ImageSet
    evaluation: ImageSet | None  # its official ones; None if the recipe has others
    classes: Sequence[str]  # their names, or their numbers as text
    places: tuple[str, str]  # where the images of each part lie, in words
    notes: tuple[str, ...] = ()  # what else is to be told before a launch

    @property
    def num_classes(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, eq=False)
class ImageParts(ImageSource):
    """What is trained on and what is evaluated."""

    evaluation: ImageSet


def kept(images: ImageSet) -> Stored:
    """All of a set in memory, each image read once."""
    pixels: list[np.ndarray] = []
    unreadable: dict[int, str] = {}
    for row in range(len(images.labels)):
        try:
            pixels.append(images.read(row, row))
        except Unreadable as error:
            unreadable[row] = str(error)
            pixels.append(np.zeros((0, 0, 0), images.dtype))
    whole = next((image for row, image in enumerate(pixels) if row not in unreadable), None)
    if whole is not None:
        pixels = [np.zeros_like(whole) if row in unreadable else image for row, image in enumerate(pixels)]
    alike = len({image.shape for image in pixels}) == 1
    names = [images.name(row) for row in range(len(pixels))]
    return Stored(np.stack(pixels) if alike else pixels, images.labels, names=names, unreadable=unreadable)


def spread_rows(count: int, most: int) -> np.ndarray:
    """At most so many of `count` rows, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def class_numbers(values: Sequence[object] | np.ndarray, where: str) -> np.ndarray:
    """(n,) int64 of labels that are whole numbers from 0, in whatever type. where: the data set, for the message.

    Raises DataError with the first that is not.
    """
    numbers = np.empty(len(values), dtype=np.int64)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu":
        numbers[:] = values
    else:
        for i, value in enumerate(values):
            numbers[i] = class_number(value, f"{where}: item {i}")
    if len(numbers) and numbers.min() < 0:
        raise DataError(f"{where}: item {int(numbers.argmin())} has the label {numbers.min()}: expected a class from 0")
    return numbers


def class_number(value: Any, where: str) -> int:
    """A label, a number or an array of one, as an integer. where: the item, for the message.

    Raises DataError if it is not a whole number from 0.
    """
    scalar = hasattr(value, "item") and int(np.prod(getattr(value, "shape", ()))) == 1
    number = value.item() if scalar else value
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, int) and number >= 0:
        return int(number)
    shown = f"of shape {tuple(number.shape)}" if hasattr(number, "shape") else repr(number)
    raise DataError(f"{where} has the label {shown}: expected the number of a class, from 0")


def too_many_unreadable(reasons: Mapping[str, str], of: str, tolerated: float) -> CorruptData:
    """The error that names the first of too many unreadable images. reasons: by name. of: how many there are."""
    first = [f"{name} ({reasons[name]})" if reasons[name] else name for name in sorted(reasons)[:3]]
    return CorruptData(
        f"{len(reasons)} of {of} are not readable, more than data.max_corrupt = {tolerated:g} allows;"
        f" the first: {', '.join(first)}"
    )

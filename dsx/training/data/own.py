"""A user's own data set by import path: `module:callable`, called with (root, train), returns a torch Dataset.

Its code is the user's: whatever it raises is told with the item and the line, and never taken for a broken image
unless PIL says that the image is broken.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from dsx.recipes.options import Data
from dsx.training.data.images import BYTES, ImageSet, ImageSource, class_number, class_numbers, spread_rows
from dsx.training.data.pixels import Unreadable, numbers_of, pixels_of
from dsx.training.faults import DataError

# how many labels given beside the items are compared with those of the items
_COMPARED = 16
_PIL_FOLDER = str(Path(PIL.__file__).parent)
# frames of a traceback that lie there are not the user's: other libraries, Python's own, and dsx
_LIBRARIES = (
    "site-packages",
    "dist-packages",
    f"{Path(random.__file__).parent}{os.sep}",
    f"{Path(__file__).parents[2]}{os.sep}",
)


@dataclass(frozen=True)
class OwnImages:
    """Items of a Dataset, as often as they are asked for."""

    what: str
    dataset: Any
    rows: np.ndarray  # (n,) numbers of the items
    labels: np.ndarray
    channels: int  # channels, background: of pictures, as in `pixels.eight_bit`
    background: Sequence[float]
    shape: tuple[int, ...] | None = None  # of items that are no images
    dtype: np.dtype = BYTES

    def name(self, row: int) -> str:
        return f"{self.what}: item {self.rows[row]}"

    def read(self, row: int, seed: int = 0) -> np.ndarray:
        pixels, label = self.pixels_and_label(row, seed)
        if label != self.labels[row]:
            raise DataError(
                f"{self.name(row)} has the label {label} and, in the data set's targets, {self.labels[row]}: make them"
                " agree"
            )
        if pixels.dtype != self.dtype:
            raise DataError(
                f"{self.name(row)} has values of type {pixels.dtype}, other items {self.dtype}: return one type"
            )
        return pixels

    def label(self, row: int) -> int:
        """The label that comes with the item itself; 0 of an item that cannot be decoded."""
        try:
            return self._item(row, row)[1]
        except Unreadable:
            return 0

    def take(self, rows: np.ndarray) -> OwnImages:
        return replace(self, rows=self.rows[rows], labels=self.labels[rows])

    def pixels_and_label(self, row: int, seed: int) -> tuple[np.ndarray, int]:
        """As the data set gives them."""
        image, label = self._item(row, seed)
        try:
            if self.shape is not None:
                return numbers_of(image, self.shape), label
            return pixels_of(image, self.channels, self.background), label
        except ValueError as error:
            raise DataError(f"{self.name(row)}: {error}") from None

    def _item(self, row: int, seed: int) -> tuple[Any, int]:
        """Image and label of an item, whose random numbers depend on `seed` alone."""
        with _seeded(seed):
            try:
                item = self.dataset[int(self.rows[row])]
            except MemoryError:
                raise
            except Exception as error:
                if _is_broken_image(error):
                    raise Unreadable(str(error)) from error
                raise DataError(f"{self.name(row)}: {_told(error)}") from error
        if not isinstance(item, (tuple, list)) or len(item) < 2:
            raise DataError(f"{self.name(row)} is a {type(item).__name__}: expected (image, label)")
        return item[0], class_number(item[1], self.name(row))


def open_own(data: Data) -> ImageSource:
    """All images of `data.dataset`. Raises DataError if it cannot be made or gives other items."""
    training, evaluation, place = _opened(data, True), None, "held out of them"
    if data.split.evaluate == "official":
        evaluation, place = _opened(data, False), f"{data.dataset}({data.root!r}, False)"
        _refuse_twins(data.dataset, training, evaluation)
    count = data.num_classes or int(training.labels.max(initial=0)) + 1
    classes = [str(label) for label in range(count)]
    return ImageSource(training, evaluation, classes, (f"{data.dataset}({data.root!r}, True)", place))


def refuse_random(images: ImageSet) -> None:
    """Raises DataError if items differ from reading to reading: in memory, each would be read only once."""
    for i, row in enumerate(spread_rows(len(images.labels), 4).tolist()):
        with contextlib.suppress(Unreadable):
            once, *again = (images.read(row, 4 * i + seed) for seed in range(4))
            if not all(np.array_equal(once, pixels) for pixels in again):
                raise DataError(
                    f"{images.name(row)} is another image each time it is read, and in memory it would be read once:"
                    " set data.storage=stream, or leave augmentation to the recipe"
                )


def _refuse_twins(name: str, training: OwnImages, evaluation: OwnImages) -> None:
    """Raises DataError if the evaluation images are the training images."""
    rows = spread_rows(len(training.rows), 8).tolist()
    if len(training.rows) != len(evaluation.rows) or training.dtype != evaluation.dtype:
        return
    with contextlib.suppress(Unreadable):
        if all(
            training.labels[row] == evaluation.labels[row] and np.array_equal(training.read(row), evaluation.read(row))
            for row in rows
        ):
            raise DataError(
                f"data set {name}: gives the same items for train=True and train=False: give others to evaluate, or set"
                " data.split.evaluate=held_out"
            )


def _opened(data: Data, train: bool) -> OwnImages:
    """One part of the data set, with the labels of all items."""
    what = f"data set {data.dataset}" + ("" if train else " (train=False)")
    dataset = _made(data, train)
    rows = np.arange(len(dataset))
    if not len(rows):
        raise DataError(f"{what}: has no items")
    images = OwnImages(what, dataset, rows, np.zeros(len(rows), dtype=np.int64), len(data.mean), data.mean, data.shape)
    images = replace(images, labels=_labels(images))
    for row in range(len(rows)):
        with contextlib.suppress(Unreadable):
            return replace(images, dtype=images.pixels_and_label(row, 0)[0].dtype)
    return images


def _labels(images: OwnImages) -> np.ndarray:
    """Of all items: the data set's `targets` if those agree with the items looked at, else each item is read once."""
    count = len(images.rows)
    targets = getattr(images.dataset, "targets", None)
    if targets is not None and hasattr(targets, "__len__") and len(targets) == count:
        targets = targets.tolist() if hasattr(targets, "tolist") else targets
        with contextlib.suppress(DataError):
            labels = class_numbers(targets, images.what)
            if all(images.label(row) == labels[row] for row in spread_rows(count, _COMPARED).tolist()):
                return labels
    return np.array([images.label(row) for row in range(count)], dtype=np.int64)


def _made(data: Data, train: bool) -> Any:
    """The Dataset that `module:callable` returns. Raises DataError if it cannot be imported or is none."""
    name = data.dataset
    module, _, attribute = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise DataError(f"data set {name}: cannot be imported ({error}); is its folder on PYTHONPATH?") from None
    except AttributeError as error:
        raise DataError(f"data set {name}: cannot be imported ({error})") from error
    except Exception as error:
        raise DataError(f"data set {name}: cannot be imported: {_told(error)}") from error
    try:
        made = make(data.root, train)
    except Exception as error:
        raise DataError(f"data set {name}({data.root!r}, {train}): {_told(error)}") from error
    if not hasattr(made, "__len__") or not hasattr(made, "__getitem__"):
        raise DataError(
            f"data set {name}: returned a {type(made).__name__}; expected a Dataset with a length and items"
        )
    return made


def _told(error: Exception) -> str:
    """`KeyError: 'x' (mine.py, line 12)`: the last line of a traceback and the last place that is the user's."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not any(part in frame.filename for part in _LIBRARIES)]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{traceback.format_exception_only(error)[-1].strip()}{where}"


def _is_broken_image(error: Exception) -> bool:
    """Whether PIL raised it over what it found in an image, rather than over what it was asked for."""
    if isinstance(error, Image.DecompressionBombError):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    by_pil = bool(frames) and frames[-1].filename.startswith(_PIL_FOLDER)
    missing = isinstance(error, OSError) and error.errno is not None
    return by_pil and isinstance(error, (OSError, SyntaxError, EOFError)) and not missing


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators of Python, numpy and torch started at a seed; put back afterwards."""
    before, state = random.getstate(), np.random.get_state()  # noqa: NPY002 (what a user's code may draw from)
    torch = sys.modules.get("torch")
    torch_state = None if torch is None else torch.default_generator.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    if torch is not None:
        torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(state)  # noqa: NPY002
        if torch is not None:
            torch.default_generator.set_state(torch_state)

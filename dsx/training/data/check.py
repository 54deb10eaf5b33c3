"""What can be known of a recipe's images before the first model: told, or refused in one line. Loads no torch.

Labels are checked whole, images by looking at some of each part, evenly spread: as many as a few seconds allow.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np

from dsx.base.text import plural
from dsx.recipes.datasets import DATASETS
from dsx.recipes.recipe import Recipe
from dsx.training.data.folder import FolderImages
from dsx.training.data.images import ImageParts, ImageSet, Stored, spread_rows, too_many_unreadable
from dsx.training.data.parts import folder_times, forget, open_parts
from dsx.training.data.pixels import Unreadable
from dsx.training.faults import DataError

# images of each part that are looked at: at most so many, and at least the fewer if time is up
_MOST, _LEAST, _SECONDS = 128, 16, 4.0
# so dark would be images that were scaled twice, or to 0–1 before they became bytes
_DARK = {"uint8": 1, "float32": 1 / 128}
_NAMED_CLASSES = 5


@dataclass(frozen=True)
class ImagesFound:
    """What a launch says of the images. lines: folder, images of each part and class, and what is no image."""

    training_images: int
    num_classes: int
    lines: tuple[str, ...]


@dataclass
class _PartLook:
    """What was seen of one part. shapes: an image's name by (height, width). highest: stored value of any pixel."""

    looked: int = 0
    shapes: dict[tuple[int, int], str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    highest: float = 0.0
    brightest: int = 0


_LOOKS: WeakKeyDictionary[ImageParts, list[_PartLook]] = WeakKeyDictionary()


def check_data(recipe: Recipe) -> ImagesFound:
    """Open the images of a recipe and check them. Raises DataError, with what is wrong and the remedy."""
    return _checked(recipe, folder_times(recipe.data))


@lru_cache(maxsize=8)
def _checked(recipe: Recipe, times: tuple[int, ...]) -> ImagesFound:  # noqa: ARG001 (a part of the key)
    parts = open_parts(recipe.data)
    check_parts(recipe, parts)
    images_found = ImagesFound(len(parts.training.labels), parts.num_classes, tuple(_lines(parts, recipe)))
    if not recipe.data.streams:
        forget()  # the processes that train read them anew
    return images_found


def check_parts(recipe: Recipe, parts: ImageParts) -> None:
    """Raises DataError if labels, counts or images are not what the recipe can train and be evaluated on."""
    data = recipe.data
    for images, what in ((parts.training, "training"), (parts.evaluation, "evaluation")):
        _check_labels(images, f"data set {data.dataset}", what, parts.num_classes)
    count = len(parts.training.labels)
    if not len(parts.evaluation.labels):
        raise DataError(
            f"data set {data.dataset}: no image is left to evaluate, as each class has a single one: more are needed"
        )
    present = np.unique(parts.training.labels)
    if len(present) < 2:
        raise DataError(
            f"data set {data.dataset}: all {plural(count, 'training image')} have the label"
            f" {', '.join(map(str, present))}: at least 2 classes are needed"
        )
    if count < recipe.batch_size:
        raise DataError(
            f"recipe {recipe.name}: batch_size {recipe.batch_size} exceeds the {count} training"
            f" images of {data.dataset}: use a smaller one"
        )
    _check_looks(recipe, parts, _looks(parts))


def _check_labels(images: ImageSet, where: str, what: str, classes: int) -> None:
    if len(images.labels) and images.labels.max() >= classes:
        row = int(images.labels.argmax())
        raise DataError(
            f"{where}: labels of the {what} images reach {images.labels.max()} ({images.name(row)}), and its {classes}"
            f" classes are 0 to {classes - 1}: is it another data set? data.dataset=module:callable takes any"
        )


def _looks(parts: ImageParts) -> list[_PartLook]:
    """What was seen of training and evaluation images; looked once for each opening of them."""
    if parts not in _LOOKS:
        _LOOKS[parts] = [_look(parts.training), _look(parts.evaluation)]
    return _LOOKS[parts]


def _look(images: ImageSet) -> _PartLook:
    """Read some images, evenly spread over the rows, in an order in which any number of them is spread."""
    rows = spread_rows(len(images.labels), _MOST)
    until, look = time.monotonic() + _SECONDS, _PartLook()
    for row in np.random.default_rng(0).permutation(rows).tolist():
        if look.looked >= _LEAST and time.monotonic() > until:
            break
        look.looked += 1
        try:
            pixels = images.read(row, row)
        except Unreadable as error:
            look.unreadable[images.name(row)] = str(error)
            continue
        look.shapes.setdefault((pixels.shape[0], pixels.shape[1]), images.name(row))
        if pixels.max() > look.highest:
            look.highest, look.brightest = float(pixels.max()), row
    if isinstance(images, Stored):
        look.unreadable = {images.name(row): why for row, why in images.unreadable.items()}
    return look


def _check_looks(recipe: Recipe, parts: ImageParts, looks: Sequence[_PartLook]) -> None:
    data, looked = recipe.data, sum(look.looked for look in looks)
    total = len(parts.training.labels) + len(parts.evaluation.labels)
    unreadable = looks[0].unreadable | looks[1].unreadable
    if len(unreadable) > data.max_corrupt * total:
        raise too_many_unreadable(unreadable, f"{total} images", data.max_corrupt)
    expected = data.max_corrupt * looked
    if len(unreadable) > expected + 4 * math.sqrt(expected * (1 - data.max_corrupt)) + 3:  # not by chance
        raise too_many_unreadable(unreadable, f"the {looked} images looked at", data.max_corrupt)
    if parts.training.dtype != parts.evaluation.dtype:
        raise DataError(
            f"data set {data.dataset}: training images are {parts.training.dtype} and evaluation images"
            f" {parts.evaluation.dtype}: return one type"
        )
    shapes = {shape: name for look in reversed(looks) for shape, name in look.shapes.items()}
    if not recipe.imagewise and len(shapes) > 1:
        (lesser, second), (usual, first) = list(shapes.items())[-2:]
        raise other_shapes(f"{first} is {usual[0]}×{usual[1]} and {second} {lesser[0]}×{lesser[1]}", recipe)
    _check_range(recipe, parts.training, looks[0])


def other_shapes(shapes: str, recipe: Recipe) -> DataError:
    """The error about images of different shapes where batches are augmented as a whole."""
    shorter = -(-recipe.resolution * 256 // 224)
    return DataError(
        f"{shapes}: return images of one shape, or have them cropped, with the shorter side at first of"
        f" augmentation.evaluation_resize={shorter} pixels"
    )


def _check_range(recipe: Recipe, images: ImageSet, look: _PartLook) -> None:
    """Raises DataError if no image makes use of the range that its type has."""
    if not look.shapes:
        return
    dataset = recipe.data.dataset
    if dataset not in DATASETS and recipe.data.shape is None and look.highest <= _DARK[str(images.dtype)]:
        raise DataError(
            f"data set {dataset}: no value of {plural(look.looked, 'training image')} looked at is above"
            f" {look.highest:.3g}: expected bytes of 0–255 or floats of 0–1 (were they scaled twice?)"
        )
    # 16-bit files that use 12 bits or fewer: their scale is not the file's
    if isinstance(images, FolderImages) and look.highest <= 16 and images.is_deep(look.brightest):
        raise DataError(
            f"{images.name(look.brightest)}: holds 16 bits a pixel, and no image looked at is brighter than"
            f" {(look.highest + 0.5) / 255:.1%} of their range: scale them to 0–65535, or save 8 bits"
        )


def _lines(parts: ImageParts, recipe: Recipe) -> list[str]:
    """Folder, images of each part and class; then what else is to be known."""
    kind = "image" if recipe.data.shape is None else "item"
    training, evaluation = (
        f"{plural(len(images.labels), f'{what} {kind}')} ({_class_counts(images.labels, parts.classes)})"
        for images, what in ((parts.training, "training"), (parts.evaluation, "evaluation"))
    )
    lines = [f"data: {training} in {parts.places[0]}; {evaluation}: {parts.places[1]}", *parts.notes]
    untrained = sorted(set(range(parts.num_classes)) - set(parts.training.labels.tolist()))
    if untrained:
        some = ", ".join(parts.classes[label] for label in untrained[:3])
        lines.append(f"{len(untrained)} of {parts.num_classes} classes have no training image, e.g. {some}")
    return lines


def _class_counts(labels: np.ndarray, classes: Sequence[str]) -> str:
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() == counts.max():
        return f"{len(classes)} classes of {counts[0]:,}"
    if len(classes) <= _NAMED_CLASSES:
        return ", ".join(f"{name} {count:,}" for name, count in zip(classes, counts, strict=True))
    return f"{len(classes)} classes of {counts.min():,} to {counts.max():,}"

"""A data set by import path: `module:callable`, called with (root, train), returns a torch Dataset."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from dsx.training.data.arrays import Labelled
from dsx.training.faults import DataError


def make_custom(name: str, root: str | None, train: bool) -> Any:
    """The Dataset that `module:callable` returns. Raises DataError if it cannot be imported or has no length."""
    module, _, attribute = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise DataError(f"data set {name}: cannot be imported ({error}); is its folder on PYTHONPATH?") from None
    made = make(root, train)
    if not hasattr(made, "__len__") or not hasattr(made, "__getitem__"):
        raise DataError(
            f"data set {name}: returned a {type(made).__name__}; expected a Dataset with a length and items"
        )
    return made


def read_custom(name: str, root: str | None, official: bool) -> tuple[Labelled, Labelled | None]:
    """All its training images decoded, and its own evaluation images if `official`. Raises DataError."""
    training = _decoded(name, make_custom(name, root, True))
    return training, _decoded(name, make_custom(name, root, False)) if official else None


def pixels(image: Any) -> np.ndarray:
    """(height, width, channels) of a PIL image, an array of that shape, or a tensor (channels, height, width)."""
    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
        image = image.transpose(1, 2, 0) if image.ndim == 3 else image
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def _decoded(name: str, dataset: Any) -> Labelled:
    images, labels = [], []
    for i in range(len(dataset)):
        image, label = dataset[i][:2]
        images.append(pixels(image))
        labels.append(int(label))
    shapes = {image.shape for image in images}
    if len(shapes) != 1:
        raise DataError(
            f"data set {name}: images of {len(shapes)} different shapes; resize them alike, or use storage stream"
        )
    stacked = np.stack(images)
    return Labelled(
        stacked if stacked.dtype == np.uint8 else stacked.astype(np.float32), np.array(labels, dtype=np.int64)
    )

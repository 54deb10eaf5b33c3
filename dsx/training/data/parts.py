"""Opening the images that a recipe's data names: the one place that knows every source."""

from __future__ import annotations

import os
from functools import lru_cache

from dsx.recipes.datasets import DATASETS
from dsx.recipes.options import Data
from dsx.training.data.folder import open_folder
from dsx.training.data.images import ImageParts, ImageSource, kept
from dsx.training.data.own import open_own, refuse_random
from dsx.training.data.prepared import open_prepared
from dsx.training.data.published import place_of, read_published
from dsx.training.data.split import held_out_split


def open_parts(data: Data) -> ImageParts:
    """What is trained on and what is evaluated; kept for the next call while the folders stay as they are.

    Raises DataError if it is not there.
    """
    return _opened(data, folder_times(data))


def folder_times(data: Data) -> tuple[int, ...]:
    """When the folders below `data.root` last changed, two levels deep, in nanoseconds."""
    if data.root is None:
        return ()
    root = os.path.expanduser(data.root)
    parts = _folders_in(root)
    folders = [root, *parts, *(folder for part in parts for folder in _folders_in(part))]
    return tuple(os.stat(folder).st_mtime_ns for folder in folders if os.path.exists(folder))


def _folders_in(folder: str) -> list[str]:
    """Sorted; none if it is not there or not readable, as who reads the images says."""
    try:
        return sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        return []


@lru_cache(maxsize=2)
def _opened(data: Data, times: tuple[int, ...]) -> ImageParts:  # noqa: ARG001 (a part of the key)
    source = open_source(data)
    training, evaluation = source.training, source.evaluation
    if evaluation is None:
        rows = held_out_split(training.labels, data.split.held_out, data.split.seed)
        training, evaluation = (training.take(part) for part in rows)
    if data.dataset not in DATASETS and data.storage in ("auto", "memory"):
        refuse_random(training)
        training, evaluation = kept(training), kept(evaluation)
    return ImageParts(training, evaluation, source.classes, source.places, source.notes)


def open_source(data: Data) -> ImageSource:
    """All images, before any are held out. Raises DataError if they are not there."""
    facts = DATASETS.get(data.dataset)
    if data.storage == "prepared":
        return open_prepared(data)
    if facts is None:
        return open_own(data)
    if facts.files:
        return open_folder(data)
    training, official = read_published(data.dataset, data.root, data.split.evaluate == "official", data.download)
    place = place_of(data.dataset, data.root if data.dataset != "digits" else None)
    where = place, "held out of them" if official is None else "its official images"
    return ImageSource(training, official, [str(label) for label in range(facts.num_classes or 0)], where)


def forget() -> None:
    """Free what `open_parts` keeps."""
    _opened.cache_clear()

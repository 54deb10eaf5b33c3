"""Small data sets as decoded arrays, read once per process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dsx.base.errors import DsxError
from dsx.recipes.datasets import DATASETS
from dsx.recipes.options import Data, Split
from dsx.training.data.formats import read_cifar, read_idx
from dsx.training.data.split import held_out_split
from dsx.training.faults import DataError


@dataclass(frozen=True)
class Labelled:
    """images: (n, height, width, channels), uint8 of 0–255 or float32 of 0–1. labels: (n,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def take(self, rows: np.ndarray) -> Labelled:
        return Labelled(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class Arrays:
    """What is trained on and what is evaluated."""

    training: Labelled
    evaluation: Labelled
    num_classes: int


def load_arrays(data: Data) -> Arrays:
    """The decoded training and evaluation images of `data`. Raises DataError if they are not where they should be."""
    return _load(data.dataset, data.root, data.split, data.download, data.num_classes)


def forget() -> None:
    """Free what `load_arrays` keeps for the next call."""
    _load.cache_clear()


@lru_cache(maxsize=2)
def _load(dataset: str, root: str | None, split: Split, download: bool, num_classes: int | None) -> Arrays:
    if ":" in dataset:
        from dsx.training.data.custom import read_custom as read_any

        training, official = read_any(dataset, root, split.evaluate == "official")
    else:
        training, official = read_known(dataset, root, split.evaluate == "official", download)
    if split.evaluate == "official":
        assert official is not None
        evaluation = official
    else:
        kept, held = held_out_split(training.labels, split.held_out, split.seed)
        training, evaluation = training.take(kept), training.take(held)
    facts = DATASETS.get(dataset)
    known = num_classes if facts is None else facts.num_classes
    return Arrays(training, evaluation, known or int(training.labels.max()) + 1)


def read_known(
    dataset: str, root: str | None, official: bool, download: bool = False
) -> tuple[Labelled, Labelled | None]:
    """(training images, official evaluation images or None) of a known data set, from its published files."""
    if dataset == "digits":
        return _digits(), None
    facts = DATASETS[dataset]
    if root is None:
        raise DataError(f"data set {dataset} needs data.root, the folder that holds {facts.layout}")
    if download:
        _download(dataset, Path(root))
    readers = {"mnist": ("MNIST", _mnist), "fashion_mnist": ("FashionMNIST", _mnist)}
    readers |= {"cifar10": ("cifar-10-batches-py", _cifar10), "cifar100": ("cifar-100-python", _cifar100)}
    if dataset not in readers:
        raise DsxError(f"data set {dataset} is streamed from files; storage 'memory' is not for it")
    folder, read = readers[dataset]
    try:
        training = read(Path(root) / folder, True)
        return training, read(Path(root) / folder, False) if official else None
    except FileNotFoundError as error:
        raise missing(dataset, root, str(error)) from None


def missing(dataset: str, root: str, found: str) -> DataError:
    """The error that says what is expected where, and how to get it."""
    facts = DATASETS[dataset]
    fetch = f"; `{facts.fetch.replace('ROOT', root)}` fetches it (or data.download=true)" if facts.fetch else ""
    return DataError(f"data set {dataset}: {found}; expected below data.root {root}: {facts.layout}{fetch}")


def _digits() -> Labelled:
    from sklearn.datasets import load_digits

    bundle = load_digits()
    images = np.rint(bundle.images * (255 / 16)).astype(np.uint8)[..., None]
    return Labelled(images, bundle.target.astype(np.int64))


def _mnist(folder: Path, training: bool) -> Labelled:
    stem = "train" if training else "t10k"
    parts = ("images-idx3-ubyte", "labels-idx1-ubyte")
    # torchvision's layout, or else the files themselves, as Debian's packages have them
    flat = not (folder / "raw").is_dir() and any(folder.parent.glob(f"{stem}-{parts[0]}*"))
    images, labels = (_idx_file(folder.parent if flat else folder / "raw", f"{stem}-{part}") for part in parts)
    if images.ndim != 3 or len(images) != len(labels):
        raise DataError(
            f"{folder}: {stem} images {images.shape} and labels {labels.shape} do not match; fetch it again"
        )
    return Labelled(images[..., None], labels.astype(np.int64))


def _idx_file(folder: Path, name: str) -> np.ndarray:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return read_idx(path)
    raise FileNotFoundError(f"no file {folder / name}")


def _cifar10(folder: Path, training: bool) -> Labelled:
    return _cifar(folder, [f"data_batch_{i}" for i in range(1, 6)] if training else ["test_batch"])


def _cifar100(folder: Path, training: bool) -> Labelled:
    return _cifar(folder, ["train" if training else "test"])


def _cifar(folder: Path, names: list[str]) -> Labelled:
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"no file {folder / name}")
    parts = [read_cifar(folder / name) for name in names]
    return Labelled(np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts]))


def _download(dataset: str, root: Path) -> None:
    """Fetch through torchvision, which checks what it got; nothing is done if the files are there."""
    import torchvision

    name = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}[dataset]
    getattr(torchvision.datasets, name)(str(root), download=True)

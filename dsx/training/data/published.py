"""The known small data sets, read whole from the files that they are published in."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dsx.recipes.datasets import DATASETS
from dsx.training.data.formats import read_cifar, read_idx
from dsx.training.data.images import Stored
from dsx.training.faults import DataError


def read_published(
    dataset: str, root: str | None, official: bool, download: bool = False
) -> tuple[Stored, Stored | None]:
    """(training images, official evaluation images or None). Raises DataError if they are not where they should be."""
    if DATASETS[dataset].format == "digits":
        return _digits(), None
    if root is None:
        raise DataError(f"data set {dataset} needs data.root, the folder that holds {DATASETS[dataset].layout}")
    place = Path(os.path.expanduser(root))
    folder, read = place / DATASETS[dataset].folder, _READERS[DATASETS[dataset].format]

    def both() -> tuple[Stored, Stored | None]:
        return read(dataset, folder, True), read(dataset, folder, False) if official else None

    try:
        return both()
    except FileNotFoundError as error:
        if not download:
            raise missing(dataset, root, str(error)) from None
    _download(dataset, place)
    return both()


def missing(dataset: str, root: str, problem: str) -> DataError:
    """The error that says what is expected where, and how to get it."""
    facts = DATASETS[dataset]
    fetch = f"; `{facts.fetch.replace('ROOT', root)}` fetches it (or data.download=true)" if facts.fetch else ""
    return DataError(f"data set {dataset}: {problem}; expected below data.root {root}: {facts.layout}{fetch}")


def place_of(dataset: str, root: str | None) -> str:
    """Where the files of a known data set lie, in words."""
    return "scikit-learn" if root is None else str(Path(os.path.expanduser(root)) / DATASETS[dataset].folder)


def _digits() -> Stored:
    """scikit-learn's copy. To import it takes a second of each process that trains, so its file alone is read."""
    package = find_spec("sklearn")
    file = Path(package.origin if package and package.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        rows = np.loadtxt(file, delimiter=",")
    else:
        from sklearn.datasets import load_digits

        rows = np.column_stack(load_digits(return_X_y=True))
    images = np.rint(rows[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return Stored(images, rows[:, -1].astype(np.int64), "digits")


def _idx(dataset: str, folder: Path, training: bool) -> Stored:
    stem = "train" if training else "t10k"
    parts = ("images-idx3-ubyte", "labels-idx1-ubyte")
    # torchvision's layout, or else the files themselves, as Debian's packages have them
    flat = not (folder / "raw").is_dir() and any(folder.parent.glob(f"{stem}-{parts[0]}*"))
    images, labels = (_idx_file(folder.parent if flat else folder / "raw", f"{stem}-{part}") for part in parts)
    if images.ndim != 3 or len(images) != len(labels):
        raise DataError(
            f"{folder}: {stem} images {images.shape} and labels {labels.shape} do not match; fetch it again"
        )
    return Stored(images[..., None], labels.astype(np.int64), f"{dataset} {stem}")


def _idx_file(folder: Path, name: str) -> np.ndarray:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return read_idx(path)
    raise FileNotFoundError(f"no file {folder / name}")


# training and test files by format
_CIFAR = {"cifar10": ([f"data_batch_{i}" for i in range(1, 6)], ["test_batch"]), "cifar100": (["train"], ["test"])}


def _cifar(dataset: str, folder: Path, training: bool) -> Stored:
    names = _CIFAR[DATASETS[dataset].format][0 if training else 1]
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"no file {folder / name}")
    parts = [read_cifar(folder / name) for name in names]
    images, labels = (np.concatenate([part[i] for part in parts]) for i in range(2))
    return Stored(images, labels, f"{dataset} {'training' if training else 'test'}")


# by format
_READERS: dict[str, Callable[[str, Path, bool], Stored]] = {"idx": _idx, "cifar10": _cifar, "cifar100": _cifar}


def _download(dataset: str, root: Path) -> None:
    """Fetch through torchvision, which checks what it got. Raises DataError with the last words of what went wrong."""
    import torchvision

    try:
        getattr(torchvision.datasets, DATASETS[dataset].torchvision)(str(root), download=True)
    except (OSError, RuntimeError) as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise missing(dataset, str(root), f"could not be downloaded ({reason.strip()})") from None

"""What is known of a data set before it is read: classes, channels, size, the files it consists of. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsx.base.errors import unknown


@dataclass(frozen=True)
class Facts:
    """One known data set.

    num_classes: null if the folder decides. size: height and width of stored images in pixels, null if they vary.
    official: whether it has validation or test images of its own. files: one image per file, decoded while training.
    layout: what lies below `data.root`. format, folder: how the published files are read, by
    `dsx.training.data.published`, and below which folder they lie. torchvision: its class there, which fetches them.
    """

    num_classes: int | None
    in_channels: int
    size: int | None
    training_images: int | None
    evaluation_images: int | None = None  # of its own: validation images, or else test images
    official: bool = True
    files: bool = False
    layout: str = ""
    format: Literal["digits", "idx", "cifar10", "cifar100", ""] = ""
    folder: str = ""
    torchvision: str = ""

    @property
    def fetch(self) -> str:
        """The command that puts the files where they are read; empty if there is none."""
        name = self.torchvision
        return (
            f"""python -c "import torchvision; torchvision.datasets.{name}('ROOT', download=True)\"""" if name else ""
        )


_IDX = (
    "{}/raw/ with train- and t10k-images-idx3-ubyte, train- and t10k-labels-idx1-ubyte (each also as .gz),"
    " or these files themselves"
)
_FOLDERS = "train/CLASS/*.jpg and val/CLASS/*.jpg, one folder per class"
# what `dsx data prepare` tells of a folder that it wrote
PREPARED = "prepared.json"
# of a folder of images: what the folder of evaluation images may be called
EVALUATION_FOLDERS = ("val", "valid", "validation", "test")


def _idx(name: str) -> Facts:
    """60,000 training and 10,000 test images of 28×28 pixels in ten classes, in MNIST's format."""
    return Facts(10, 1, 28, 60_000, 10_000, layout=_IDX.format(name), format="idx", folder=name, torchvision=name)


def _cifar(classes: int, folder: str, names: str) -> Facts:
    """50,000 training and 10,000 test images of 32×32 pixels, in CIFAR's format."""
    known = f"cifar{classes}"
    layout = f"{folder}/ with {names}"
    return Facts(
        classes, 3, 32, 50_000, 10_000, layout=layout, format="cifar10" if classes == 10 else "cifar100", folder=folder,
        torchvision=known.upper(),
    )  # fmt: skip


DATASETS: dict[str, Facts] = {
    "digits": Facts(10, 1, 8, 1797, official=False, format="digits"),
    "mnist": _idx("MNIST"),
    "fashion_mnist": _idx("FashionMNIST"),
    "cifar10": _cifar(10, "cifar-10-batches-py", "data_batch_1 … data_batch_5 and test_batch"),
    "cifar100": _cifar(100, "cifar-100-python", "train and test"),
    "imagenet": Facts(1000, 3, None, 1_281_167, 50_000, files=True, layout=_FOLDERS),
    "folder": Facts(None, 3, None, None, files=True, layout=_FOLDERS),
}


def hidden(name: str) -> bool:
    """Whether a file or folder of that name is no part of a data set: made by an editor, a viewer or an archiver."""
    return name.startswith(".") or name == "__MACOSX"


def class_folders(part: Path) -> tuple[str, ...]:
    """The classes of root/train or the like: its folders that are not hidden, sorted; none if there is no such part."""
    if not part.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in os.scandir(part) if entry.is_dir() and not hidden(entry.name)))


def check_dataset_name(name: str) -> None:
    """Raises ValueError with a near miss unless `name` is known or has the form `module:callable`."""
    module, colon, attribute = name.partition(":")
    if name in DATASETS or (colon and module and attribute.isidentifier()):
        return
    raise ValueError(f"{unknown('data set', name, DATASETS)}; or module:callable")

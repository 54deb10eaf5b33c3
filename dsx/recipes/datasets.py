"""What is known of a data set before it is read: classes, channels, size, the files it consists of. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dsx.base.errors import suggest


@dataclass(frozen=True)
class Facts:
    """One known data set.

    num_classes: null if the folder decides. size: height and width of stored images in pixels, null if they vary.
    official: whether it has validation or test images of its own. files: one image per file, decoded while training.
    layout: what lies below `data.root`. fetch: the command that puts it there; empty if there is none.
    """

    num_classes: int | None
    in_channels: int
    size: int | None
    training_images: int | None
    official: bool = True
    files: bool = False
    layout: str = ""
    fetch: str = ""


def _torchvision(name: str) -> str:
    return f"""python -c "import torchvision; torchvision.datasets.{name}('ROOT', download=True)\""""


_IDX = (
    "{}/raw/ with train- and t10k-images-idx3-ubyte, train- and t10k-labels-idx1-ubyte (each also as .gz),"
    " or these files themselves"
)
_FOLDERS = "train/CLASS/*.jpg and val/CLASS/*.jpg, one folder per class"
# of a folder of images: what the folder of evaluation images may be called
EVALUATION_FOLDERS = ("val", "valid", "validation", "test")

DATASETS: dict[str, Facts] = {
    "digits": Facts(10, 1, 8, 1797, official=False),
    "mnist": Facts(10, 1, 28, 60_000, layout=_IDX.format("MNIST"), fetch=_torchvision("MNIST")),
    "fashion_mnist": Facts(10, 1, 28, 60_000, layout=_IDX.format("FashionMNIST"), fetch=_torchvision("FashionMNIST")),
    "cifar10": Facts(
        10,
        3,
        32,
        50_000,
        layout="cifar-10-batches-py/ with data_batch_1 … data_batch_5 and test_batch",
        fetch=_torchvision("CIFAR10"),
    ),
    "cifar100": Facts(
        100, 3, 32, 50_000, layout="cifar-100-python/ with train and test", fetch=_torchvision("CIFAR100")
    ),
    "imagenet": Facts(1000, 3, None, 1_281_167, files=True, layout=_FOLDERS),
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
    raise ValueError(
        f"unknown data set '{name}'.{suggest(name, DATASETS)} Known: {', '.join(DATASETS)}; or module:callable"
    )

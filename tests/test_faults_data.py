"""Image data as users have it, through the command line: the right result, or one line.

Every refusal comes before anything is written. `{root}` in a line is the folder that the case was made in.
"""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import Command
from pictures import REFUSED, colours, deep_png, grey_of, huge_png

NETWORK = {
    "stem": {"type": "cifar", "width": 8},
    "stages": [{"block": "x", "depth": 1, "width": 16, "stride": 2, "group_width": 8}],
    "num_classes": 2,
}
SHORT = ["resolution=16", "epochs=1", "batch_size=8", "schedule.warmup_epochs=0", "augmentation.random_area=null"]
FOLDER = "train/CLASS/*.jpg and val/CLASS/*.jpg, one folder per class"
PLAIN = "return image, label"


@dataclass(frozen=True)
class Case:
    """make: fills the folder. overrides: of the recipe. line: what is printed, or a part of what a success prints."""

    make: Callable[[Path], object]
    line: str
    overrides: tuple[str, ...] = ("data.root={root}",)
    recipe: str = "folder"
    error: float | None = None


def png(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path)


def fill(root: Path, count: int = 10, classes: tuple[str, ...] = ("ant", "bee"), parts: str = "train val") -> None:
    """So many pictures of each class in each part; blue ants and red bees."""
    rng = np.random.default_rng(0)
    for part in parts.split():
        for label, name in enumerate(classes):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 60, (16, 16, 3)) + np.array([180 * label, 0, 180 - 180 * label])
                png(pixels.clip(0, 255).astype(np.uint8), root / part / name / f"{i}.png")


def refill(save: Callable[[np.ndarray, Path], object], suffix: str) -> Callable[[Path], None]:
    """All pictures saved otherwise."""

    def make(root: Path) -> None:
        fill(root)
        for path in sorted(root.rglob("*.png")):
            path.unlink()
            save(colours(1, 16, 16), path.with_suffix(suffix))

    return make


def then(change: Callable[[Path], object], **options: object) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        fill(root, **options)  # type: ignore[arg-type]
        change(root)

    return make


def copied(*names: str) -> Callable[[Path], None]:
    """val also under other names."""

    def change(root: Path) -> None:
        for name in names:
            shutil.copytree(root / "val", root / name)

    return change


def only_notes(root: Path) -> None:
    for path in (root / "train" / "bee").iterdir():
        path.rename(path.with_suffix(".txt"))


def messy(root: Path) -> None:
    """What file managers, notebooks and link farms leave; 10 + 5 ants in all."""
    ant = root / "train" / "ant"
    shutil.copytree(ant, root / "train" / ".ipynb_checkpoints")
    shutil.copytree(ant, root / "train" / "__MACOSX")
    for suffix in (".jfif", ".gif", ".jp2", ".webp"):
        shutil.copy(ant / "0.png", ant / "more.png")
        with Image.open(ant / "more.png") as image:
            image.save(ant / f"more{suffix}")
        (ant / "more.png").unlink()
    shutil.copy(ant / "0.png", ant / "scan0001")
    (ant / "._0.png").write_bytes(b"\0\5\x16\7")
    (ant / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (ant / "labels.csv").write_text("a,b")
    for name, target in {"up": "..", "self": ".", "other": "../bee"}.items():
        (ant / name).symlink_to(target)
    (root / "val").rename(root / "valid")


def dark(root: Path) -> None:
    for path in root.rglob("*.png"):
        deep_png(grey_of(colours(1, 16, 16)).astype(int) * 4095 // 255, path)


def turned(root: Path) -> None:
    """Classes that differ only in which way a gradient goes, half the files stored on their side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for label, name in enumerate(("across", "down")):
            (root / part / name).mkdir(parents=True)
            for i in range(20):
                rise = np.linspace(0, 200, 16)[:, None] + rng.integers(0, 40, (16, 16))
                picture = np.repeat((rise if label else rise.T)[..., None], 3, axis=2).astype(np.uint8)
                path = root / part / name / f"{i}.jpg"
                if i % 2:
                    Image.fromarray(np.rot90(picture).copy()).save(path, quality=95, exif=exif)
                else:
                    Image.fromarray(picture).save(path, quality=95)


def mnist(labels: np.ndarray, rows: int | None = None) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        count = rows or len(labels)
        pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28)).astype(np.uint8)
        (raw / "train-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + pixels.tobytes())
        head = struct.pack(">II", 0x801, len(labels))
        (raw / "train-labels-idx1-ubyte").write_bytes(head + labels.astype(np.uint8).tobytes())

    return make


def cifar(labels: list[object], data: np.ndarray) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        folder = root / "cifar-10-batches-py"
        folder.mkdir()
        for i in range(1, 6):
            content = {b"labels": labels, b"data": data}
            (folder / f"data_batch_{i}").write_bytes(pickle.dumps(content, protocol=2))

    return make


def own(item: str, before: str = "", init: str = "") -> Callable[[Path], None]:
    """A module `own` whose items are that code; `image` is (16, 16, 3) bytes, `label` 0 or 1."""
    source = f"""
import numpy as np
{before}
class Data:
    def __init__(self, root, train):
        self.train, self.n = train, 32 if train else 16
        {init}
    def __len__(self):
        return self.n
    def __getitem__(self, i):
        label = i % 2
        image = np.random.default_rng([i, self.train]).integers(0, 80, (16, 16, 3)).astype(np.uint8)
        image[..., 0] += np.uint8(160 * label)
        {item}
"""
    return lambda root: (root / "own.py").write_text(source)


OWN = ("data.dataset=own:Data", "augmentation.evaluation_resize=null", "data.root={root}")
STREAM = (*OWN, "data.storage=stream")
HELD = ("data.root={root}", "data.split.evaluate=held_out")
NOTHING = fill
D = "data set own:Data"

REFUSALS = {
    "no folder given": Case(
        NOTHING, f"data set folder needs data.root, the folder that holds {FOLDER}", ("data.root=null",)
    ),
    "no such folder": Case(
        NOTHING,
        "data set folder: no folder {root}/x/train (there is no such folder); expected below data.root {root}/x: "
        + FOLDER,
        ("data.root={root}/x",),
    ),
    "classes where the parts should be": Case(
        lambda root: fill(root, parts="."),
        "data set folder: no folder {root}/train (there is ant, bee); expected below data.root {root}: " + FOLDER,
    ),
    "validation and test images": Case(
        then(copied("test")),
        "{root}: has val and test: choose the images to evaluate with data.evaluation_folder=val (or test)",
    ),
    "valid, val and test": Case(
        then(copied("valid", "test")),
        "{root}: has val, valid and test: choose the images to evaluate with data.evaluation_folder=val"
        " (or valid or test)",
    ),
    "images to evaluate under another name": Case(
        lambda root: fill(root, parts="train dev"),
        "data set folder: no folder val, valid, validation or test (data.split.evaluate=held_out needs none; dev can be"
        " chosen with data.evaluation_folder); expected below data.root {root}: " + FOLDER,
    ),
    "a misspelt evaluation folder": Case(
        then(copied("test")),
        "{root}: has no folder tests (data.evaluation_folder). Did you mean test?",
        ("data.root={root}", "data.evaluation_folder=tests"),
    ),
    "an evaluation folder for images held out": Case(
        NOTHING,
        "recipe folder: data: evaluation_folder is for folders of images, with split.evaluate official: leave it out",
        (*HELD, "data.evaluation_folder=val"),
    ),
    "one class": Case(
        lambda root: fill(root, classes=("ant",)),
        "data set folder: 1 class folder in {root}/train; at least 2 are needed; expected below data.root {root}: "
        + FOLDER,
    ),
    "a class without images": Case(
        then(only_notes),
        "data set folder: no image in {root}/train/bee (10 files, e.g. {root}/train/bee/9.txt); expected below"
        " data.root {root}: " + FOLDER,
    ),
    "other classes to evaluate": Case(
        then(lambda root: (root / "val" / "bee").rename(root / "val" / "bees")),
        "{root}: train and val have different classes; only one of them has bee, bees",
    ),
    "a single image of each class": Case(
        lambda root: fill(root, 1, parts="train"),
        "data set folder: no image is left to evaluate, as each class has a single one: more are needed",
        HELD,
    ),
    "a batch larger than the data": Case(
        NOTHING,
        "recipe folder: batch_size 64 exceeds the 20 training images of folder: use a smaller one",
        ("data.root={root}", "batch_size=64"),
    ),
    "one image per batch-norm group of 1×1 maps": Case(
        NOTHING,
        "recipe folder: micro_batch_size 1, and at resolution 2 the last maps are of 1×1: batch norm has one value per"
        " channel to normalise; use micro_batch_size 2 or more, or a higher resolution",
        ("data.root={root}", "micro_batch_size=1", "resolution=2"),
    ),
    "12 bits in files of 16": Case(
        then(dark),
        "{root}/train/ant/4.png: holds 16 bits a pixel, and no image looked at is brighter than 6.5% of their range:"
        " scale them to 0–65535, or save 8 bits",
    ),
    "files that are no pictures": Case(
        then(lambda root: [path.write_bytes(b"x") for path in (root / "val").rglob("*.png")]),
        "20 of 40 images are not readable, more than data.max_corrupt = 0.001 allows; the first: "
        + ", ".join(f"{{root}}/val/ant/{i}.png (of no format that PIL knows)" for i in range(3)),
    ),
    "one huge scan too many": Case(
        then(lambda root: (root / "train" / "bee" / "3.png").write_bytes(huge_png())),
        "1 of 40 images are not readable, more than data.max_corrupt = 0.001 allows; the first:"
        " {root}/train/bee/3.png (more than the 178,956,970 pixels that PIL opens)",
    ),
    "three classes for ImageNet": Case(
        lambda root: fill(root, classes=("ant", "bee", "cat")),
        "data set imagenet: 3 class folders in train instead of 1000; expected below data.root {root}: " + FOLDER,
        recipe="imagenet_10ep",
    ),
    "letters in MNIST's layout": Case(
        mnist(np.arange(60) % 26 + 1),
        "data set mnist: labels of the training images reach 26 (mnist train[51]), and its 10 classes are 0 to 9: is it"
        " another data set? data.dataset=module:callable takes any",
        recipe="mnist",
    ),
    "one digit only": Case(
        mnist(np.full(60, 7)),
        "data set mnist: all 54 training images have the label 7: at least 2 classes are needed",
        recipe="mnist",
    ),
    "more labels than images": Case(
        mnist(np.arange(60) % 10, rows=50),
        "{root}/MNIST: train images (50, 28, 28) and labels (60,) do not match; fetch it again",
        recipe="mnist",
    ),
    "CIFAR batches of floats": Case(
        cifar([0, 1] * 10, np.zeros((20, 3072))),
        "{root}/cifar-10-batches-py/data_batch_1: not a CIFAR python batch, or cut short (its data are float64 instead"
        " of uint8); fetch it again",
        recipe="cifar10",
    ),
    "CIFAR batches with fractions as labels": Case(
        cifar([0, 0.5] * 10, np.zeros((20, 3072), np.uint8)),
        "{root}/cifar-10-batches-py/data_batch_1: item 1 has the label 0.5: expected the number of a class, from 0",
        recipe="cifar10",
    ),
    "CIFAR batches with more classes": Case(
        cifar([0, 13] * 10, np.zeros((20, 3072), np.uint8)),
        "data set cifar10: labels of the training images reach 13 (cifar10 training[1]), and its 10 classes are 0 to 9:"
        " is it another data set? data.dataset=module:callable takes any",
        recipe="cifar10",
    ),
    "floats of 0–255": Case(
        own("return image.astype(np.float32), label"),
        f"{D}: item 0: the image has floats from 0 to 79: expected 0–1 (divide by 255)",
        OWN,
    ),
    "normalised images": Case(
        own("return (image / 255 - 0.5) / 0.2, label"),
        f"{D}: item 0: the image has floats from -2.5 to -0.951: expected 0–1 (leave normalisation to data.mean and"
        " data.std)",
        STREAM,
    ),
    "16-bit integers": Case(
        own("return image.astype(np.uint16) * 257, label"),
        f"{D}: item 0: the image has values of type uint16: expected uint8 (0–255) or floats of 0–1",
        OWN,
    ),
    "pictures of floats": Case(
        own("return Image.fromarray(image[..., 0].astype(np.float32)), label", "from PIL import Image"),
        f"{D}: item 0: mode F (32-bit floats) has no known range of values: save it as 8-bit grey or RGB",
        OWN,
    ),
    "0–1 as bytes": Case(
        own("return (image > 40).astype(np.uint8), label"),
        f"{D}: no value of 32 training images looked at is above 1: expected bytes of 0–255 or floats of 0–1 (were they"
        " scaled twice?)",
        OWN,
    ),
    "channels first": Case(
        own("return image.transpose(2, 0, 1), label"),
        f"{D}: item 0: the image has shape (3, 16, 16): expected (height, width, 3) of an array or (3, height, width)"
        " of a tensor, with the 3 channels of data.mean and data.std",
        OWN,
    ),
    "images of different shapes": Case(
        own("return image[: 16 - i % 3], label"),
        f"{D}: item 25 is 15×16 and {D}: item 21 16×16: return images of one shape, or have them cropped, with the"
        " shorter side at first of augmentation.evaluation_resize=19 pixels",
        STREAM,
    ),
    "types that differ": Case(
        own("return image if i % 3 else image / 255, label"),
        f"{D}: item 10 has values of type uint8, other items float32: return one type",
        OWN,
    ),
    "fractions as labels": Case(
        own("return image, label * 0.7"),
        f"{D}: item 1 has the label 0.7: expected the number of a class, from 0",
        OWN,
    ),
    "labels from −1": Case(
        own("return image, label - 1"), f"{D}: item 0 has the label -1: expected the number of a class, from 0", STREAM
    ),
    "names as labels": Case(
        own("return image, 'bee'"), f"{D}: item 0 has the label 'bee': expected the number of a class, from 0", OWN
    ),
    "one-hot labels": Case(
        own("return image, np.eye(2)[label]"),
        f"{D}: item 0 has the label of shape (2,): expected the number of a class, from 0",
        OWN,
    ),
    "one class of its own": Case(
        own("return image, 1"),
        f"{D}: all 32 training images have the label 1: at least 2 classes are needed",
        STREAM,
    ),
    "more classes than said": Case(
        own("return image, i % 3"),
        f"{D}: labels of the training images reach 2 ({D}: item 2), and its 2 classes are 0 to 1: is it another data"
        " set? data.dataset=module:callable takes any",
        (*OWN, "data.num_classes=2"),
    ),
    "more classes to evaluate": Case(
        own("return image, label + 5 * (not self.train)"),
        f"{D}: labels of the evaluation images reach 6 ({D} (train=False): item 1), and its 2 classes are 0 to 1: is it"
        " another data set? data.dataset=module:callable takes any",
        OWN,
    ),
    "more classes than the network": Case(
        own("return image, i % 3"),
        "the network has num_classes 2 and data set own:Data of recipe folder has 3: sample the network with"
        " num_classes 3, or choose another recipe",
        OWN,
    ),
    "items that are mappings": Case(
        own("return {'image': image, 'label': label}"), f"{D}: item 0 is a dict: expected (image, label)", OWN
    ),
    "a bug in an item": Case(own("return image, {}[i]"), f"{D}: item 0: KeyError: 0 (own.py, line 14)", OWN),
    "a wrong value in an item": Case(
        own("return image, int('three')"),
        f"{D}: item 0: ValueError: invalid literal for int() with base 10: 'three' (own.py, line 14)",
        STREAM,
    ),
    "a constructor that fails": Case(
        own(PLAIN, init="open('/nowhere/index.csv')"),
        f"{D}('{{root}}', True): FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/index.csv' (own.py,"
        " line 7)",
        OWN,
    ),
    "a module that fails": Case(
        own(PLAIN, before="import nothing_of_the_kind"),
        f"{D}: cannot be imported (No module named 'nothing_of_the_kind'); is its folder on PYTHONPATH?",
        OWN,
    ),
    "a name that is not in the module": Case(
        own(PLAIN),
        "data set own:Date: cannot be imported (module 'own' has no attribute 'Date')",
        ("data.dataset=own:Date", OWN[1]),
    ),
    "something that is no data set": Case(
        own(PLAIN, before="make = lambda root, train: iter([])"),
        "data set own:make: returned a list_iterator; expected a Dataset with a length and items",
        ("data.dataset=own:make", OWN[1]),
    ),
    "no items": Case(own(PLAIN, init="self.n = 0"), f"{D}: has no items", OWN),
    "training images to evaluate": Case(
        own(PLAIN, init="self.train, self.n = True, 32"),
        f"{D}: gives the same items for train=True and train=False: give others to evaluate, or set"
        " data.split.evaluate=held_out",
        OWN,
    ),
    "own augmentation, kept in memory": Case(
        own("return image[::random.choice((1, -1))], label", before="import random"),
        f"{D}: item 0 is another image each time it is read, and in memory it would be read once: set"
        " data.storage=stream, or leave augmentation to the recipe",
        OWN,
    ),
    **{
        f"{kind}, which has no range": Case(
            refill(save, suffix),
            "40 of 40 images are not readable, more than data.max_corrupt = 0.001 allows; the first: "
            + ", ".join(f"{{root}}/train/ant/{i}{suffix} ({words}: save it as 8-bit grey or RGB)" for i in range(3)),
        )
        for kind, (suffix, save, words) in REFUSED.items()
    },
}
RIGHT = {
    "a folder full of other things": Case(
        then(messy),
        "data: 25 training images (ant 15, bee 10) in {root}/train; 20 evaluation images (2 classes of 10):"
        " {root}/valid\n2 files are not images, e.g. {root}/train/ant/Thumbs.db, {root}/train/ant/labels.csv",
    ),
    "test images that were asked for": Case(
        then(copied("test")),
        "20 evaluation images (2 classes of 10): {root}/test\n1 model; recipe folder v1: folder at 16×16, evaluated on"
        " its official images; global batch 8 (8 per batch-norm group, 2 steps an epoch)",
        ("data.root={root}", "data.evaluation_folder=test"),
    ),
    "one huge scan among many": Case(
        then(lambda root: (root / "train" / "bee" / "3.png").write_bytes(huge_png())),
        "in {root}/train;",
        ("data.root={root}", "data.max_corrupt=0.05"),
    ),
    "photos stored on their side": Case(
        turned,
        "data: 40 training images (2 classes of 20)",
        ("data.root={root}", "epochs=12", "lr=0.5", "augmentation.flip=false", "augmentation.evaluation_resize=16"),
        error=10.0,
    ),
}


def command(case: Case, root: Path) -> list[str]:
    overrides = [f"recipe.{text.format(root=root)}" for text in (*SHORT, *case.overrides)]
    if case.recipe != "folder":
        overrides = [f"recipe.{text.format(root=root)}" for text in case.overrides]
    return ["train", "./network.json", "--recipe", case.recipe, "--out", "runs/x", *overrides]


def network(case: Case) -> dict[str, object]:
    if case.recipe == "folder":
        return NETWORK | {"in_channels": 3}
    return NETWORK | {"num_classes": 10, "in_channels": 1 if case.recipe == "mnist" else 3}


@pytest.fixture
def root(dsx: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a case is made in; a module `own` there is imported anew."""
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("own", None)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_right_is_refused_in_one_line(name: str, dsx: Command, root: Path) -> None:
    case = REFUSALS[name]
    case.make(root)
    (root.parent / "network.json").write_text(json.dumps(network(case)))
    done = dsx(*command(case, root))
    assert done.err.splitlines() == [f"dsx: {case.line.format(root=root)}"]
    assert done.code == 2
    assert not list((root.parent / "runs").rglob("failure.json"))


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_what_can_be_right_is_trained_and_told(name: str, dsx: Command, root: Path) -> None:
    case = RIGHT[name]
    case.make(root)
    (root.parent / "network.json").write_text(json.dumps(network(case)))
    done = dsx(*command(case, root), "launcher=debug", "launcher.threads=1")
    assert done.code == 0, done.err
    assert case.line.format(root=root) in done.out
    (path,) = (root.parent / "runs").rglob("result.json")
    record = json.loads(path.read_text())
    assert record["state"] == "done"
    assert case.error is None or record["error"] <= case.error
    huge = [str(root / "train" / "bee" / "3.png")] if "huge" in name else []
    assert record["data"]["corrupt_names"] == huge

"""Folders of images: root/train/CLASS/… and another part to evaluate; which files belong, and how one is read.

Hidden files and folders are no part of a data set. An image is a file whose suffix PIL knows as one of a picture, or
a file without suffix that PIL recognises; all others are counted and named. Links to folders are followed, each once.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dsx.base.errors import suggest
from dsx.base.text import plural
from dsx.recipes.datasets import DATASETS, EVALUATION_FOLDERS, class_folders, hidden
from dsx.recipes.options import Data
from dsx.training.data.images import BYTES, ImageSource
from dsx.training.data.pixels import Unreadable, eight_bit
from dsx.training.data.published import missing
from dsx.training.faults import DataError

# formats that PIL opens and that hold no picture of pixels, or need another program to draw one
_NO_PICTURES = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")
# the machine's troubles, which are no fault of the one file
_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(frozen=True)
class FolderImages:
    """One image per file, decoded each time. paths: (n,) text. channels, background: as in `pixels.eight_bit`."""

    paths: np.ndarray
    labels: np.ndarray
    channels: int
    background: Sequence[float]
    dtype: np.dtype = BYTES

    def name(self, row: int) -> str:
        return printable(str(self.paths[row]))

    def read(self, row: int, seed: int = 0) -> np.ndarray:  # noqa: ARG002 (sets that draw at random take it)
        """The first frame, turned as its EXIF orientation says. Raises Unreadable with PIL's words."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of PIL, about metadata
                with Image.open(self.paths[row], formats=picture_formats()) as image:
                    if self.channels == 3 and (pixels := _plain_jpeg(image, self.paths[row])) is not None:
                        return pixels
                    ImageOps.exif_transpose(image, in_place=True)
        except MemoryError:
            raise
        except UnidentifiedImageError as error:
            raise Unreadable("of no format that PIL knows") from error
        except Image.DecompressionBombError as error:
            raise Unreadable(f"more than the {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels that PIL opens") from error
        except OSError as error:
            if error.errno in _MACHINE:
                raise
            raise Unreadable(error.strerror or str(error)) from error
        except Exception as error:  # whatever PIL trips over in a broken file
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        return eight_bit(image, self.channels, self.background)

    def take(self, rows: np.ndarray) -> FolderImages:
        return FolderImages(self.paths[rows], self.labels[rows], self.channels, self.background)

    def is_deep(self, row: int) -> bool:
        """Whether the file holds 16 bits a pixel."""
        with Image.open(self.paths[row], formats=picture_formats()) as image:
            return image.mode.startswith("I")


def _plain_jpeg(image: Image.Image, path: str) -> np.ndarray | None:
    """(height, width, 3) of a grey or RGB JPEG that is not to be turned, by torchvision: faster, the same bytes.

    image: as PIL opened it. None for every other file, and for those that cannot be read: PIL then says why.
    """
    if image.format != "JPEG" or image.mode not in ("L", "RGB") or "torch" not in sys.modules:
        return None  # torch is not loaded to look at some images
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1 or not _decodes_as_pil():
        return None
    with contextlib.suppress(RuntimeError):
        return _by_torchvision(Path(path).read_bytes())
    return None


def _by_torchvision(content: bytes) -> np.ndarray:
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    pixels = decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8), ImageReadMode.RGB)
    array: np.ndarray = pixels.permute(1, 2, 0).numpy()
    return array


@lru_cache(maxsize=1)
def _decodes_as_pil() -> bool:
    """Whether the libraries of PIL and torchvision give the same pixels: tried with one picture, in grey and colour."""
    y, x = np.mgrid[:37, :53]
    picture = Image.fromarray(np.stack([5 * y, 4 * x, (x * y) % 256], 2).astype(np.uint8))
    for mode in ("RGB", "L"):
        file = io.BytesIO()
        picture.convert(mode).save(file, "JPEG", quality=80)
        try:
            if not np.array_equal(_by_torchvision(file.getvalue()), np.asarray(Image.open(file).convert("RGB"))):
                return False
        except (ImportError, RuntimeError, AttributeError):  # a torchvision that was built without
            return False
    return True


@dataclass(frozen=True)
class _Part:
    """The files of one part, sorted by class and name. others: some of the files that are no images, and how many."""

    classes: tuple[str, ...]
    paths: np.ndarray
    labels: np.ndarray
    others: tuple[str, ...]
    other_count: int


def open_folder(data: Data) -> ImageSource:
    """All images of a folder, and of the one beside `train` that is evaluated.

    Raises DataError if they are not where they should be.
    """
    if data.root is None:
        raise DataError(
            f"data set {data.dataset} needs data.root, the folder that holds {DATASETS[data.dataset].layout}"
        )
    try:
        return _opened(data, data.root)
    except OSError as error:
        raise missing(data.dataset, data.root, f"{error.filename} is not readable ({error.strerror})") from None


def _opened(data: Data, given: str) -> ImageSource:
    root = Path(os.path.expanduser(given))
    training = _listed(data.dataset, given, root / "train")
    wanted = DATASETS[data.dataset].num_classes
    if wanted is not None and len(training.classes) != wanted:
        raise missing(data.dataset, given, f"{len(training.classes)} class folders in train instead of {wanted}")
    images = FolderImages(training.paths, training.labels, len(data.mean), data.mean)
    place = str(root / "train")
    if data.split.evaluate == "held_out":
        return ImageSource(images, None, training.classes, (place, f"held out of {place}"), _notes(training))
    folder = _evaluation_folder(data, given, root)
    evaluation = _listed(data.dataset, given, root / folder)
    if evaluation.classes != training.classes:
        odd = sorted(set(training.classes) ^ set(evaluation.classes))
        raise DataError(
            f"{given}: train and {folder} have different classes; only one of them has {', '.join(odd[:5])}"
        )
    held = FolderImages(evaluation.paths, evaluation.labels, len(data.mean), data.mean)
    return ImageSource(
        images, held, training.classes, (place, str(root / folder)), _notes(training) + _notes(evaluation)
    )


def _evaluation_folder(data: Data, given: str, root: Path) -> str:
    """The folder that is evaluated: the one that was asked for, else the only one that can be."""
    beside = sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not hidden(entry.name))
    beside = [name for name in beside if name != "train"]
    if data.evaluation_folder is not None:
        if not (root / data.evaluation_folder).is_dir():
            near = suggest(data.evaluation_folder, beside)
            raise DataError(f"{given}: has no folder {data.evaluation_folder} (data.evaluation_folder).{near}")
        return data.evaluation_folder
    there = [name for name in EVALUATION_FOLDERS if name in beside]
    candidates = [name for name in there if class_folders(root / name)] or there[:1]
    if len(candidates) > 1:
        raise DataError(
            f"{given}: has {', '.join(candidates[:-1])} and {candidates[-1]}: choose the images to evaluate with"
            f" data.evaluation_folder={candidates[0]} (or {' or '.join(candidates[1:])})"
        )
    if not candidates:
        others = f"; {', '.join(beside[:5])} can be chosen with data.evaluation_folder" if beside else ""
        raise missing(
            data.dataset,
            given,
            f"no folder val, valid, validation or test (data.split.evaluate=held_out needs none{others})",
        )
    return candidates[0]


def _listed(dataset: str, root: str, folder: Path) -> _Part:
    """All image files of the classes of a part, by class and name."""
    if not folder.is_dir():
        above = Path(os.path.expanduser(root))
        there = sorted(entry.name for entry in os.scandir(above)) if above.is_dir() else None
        held = "there is no such folder" if there is None else f"there is {', '.join(there[:5]) or 'nothing'}"
        raise missing(dataset, root, f"no folder {folder} ({held})")
    classes = class_folders(folder)
    if len(classes) < 2:
        raise missing(dataset, root, f"{plural(len(classes), 'class folder')} in {folder}; at least 2 are needed")
    known = {_identity(place) for place in (folder.parent, folder, *(folder / name for name in classes))}
    paths: list[str] = []
    labels: list[int] = []
    others: list[str] = []
    for label, name in enumerate(classes):
        files = list(_files(folder / name, set(known)))
        pictures = sorted(path for path in files if is_picture(path))
        rest = len(files) - len(pictures)
        others += sorted(set(files) - set(pictures))
        if not pictures:
            beside = f" ({plural(rest, 'file')}, e.g. {printable(others[-1])})" if rest else ""
            raise missing(dataset, root, f"no image in {folder / name}{beside}")
        paths += pictures
        labels += [label] * len(pictures)
    return _Part(classes, np.array(paths), np.array(labels, dtype=np.int64), tuple(others[:3]), len(others))


def _files(folder: Path, known: set[tuple[int, int]]) -> Iterator[str]:
    """Every file below a class folder that is not hidden. known: folders that links are not followed to."""
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        folders[:] = [name for name in folders if not hidden(name) and _is_new(Path(parent, name), known)]
        yield from (os.path.join(parent, name) for name in files if not hidden(name))


def _raise(error: OSError) -> None:
    raise error


def _is_new(folder: Path, known: set[tuple[int, int]]) -> bool:
    identity = _identity(folder)
    fresh = identity not in known
    known.add(identity)
    return fresh


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


@lru_cache(maxsize=1)
def picture_formats() -> tuple[str, ...]:
    """The formats of pictures that this PIL reads."""
    Image.init()
    return tuple(name for name in Image.ID if name not in _NO_PICTURES)


@lru_cache(maxsize=1)
def picture_suffixes() -> frozenset[str]:
    """The suffixes of those formats, in lower case with their dot."""
    readable = set(picture_formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in readable)


def is_picture(path: str) -> bool:
    """Whether a file is an image by its suffix or, without one, by its first bytes."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix:
        return suffix in picture_suffixes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(path, formats=picture_formats()).close()
    except Exception:  # whatever PIL trips over in a file that is no picture
        return False
    return True


def printable(path: str) -> str:
    """A path as text that every encoding takes: bytes that are no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _notes(part: _Part) -> tuple[str, ...]:
    if not part.other_count:
        return ()
    count = part.other_count
    said = "1 file is not an image" if count == 1 else f"{count:,} files are not images"
    return (f"{said}, e.g. {', '.join(map(printable, part.others))}",)

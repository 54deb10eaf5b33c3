"""Reading data sets in the formats they are published in: IDX files and CIFAR's python batches."""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dsx.training.data.images import class_numbers
from dsx.training.faults import DataError


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file (MNIST's format); gzip is seen from the name. Raises DataError."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not readable, perhaps cut short ({error}); fetch it again") from None
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{path}: not an IDX file of unsigned bytes (starts with {content[:4].hex()}); fetch it again")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4).astype(int) if len(content) >= 4 + 4 * rank else None
    if shape is None or len(content) != 4 + 4 * rank + int(np.prod(shape)):
        raise DataError(f"{path}: cut short at {len(content)} bytes; fetch it again")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


class _ArraysOnly(pickle.Unpickler):
    """CIFAR's files are pickles of numpy arrays, lists and text; anything else is refused, as a pickle can run code."""

    _allowed = frozenset({"_reconstruct", "ndarray", "dtype", "_codecs.encode", "encode", "scalar", "_frombuffer"})

    def find_class(self, module: str, name: str) -> Any:
        if name in self._allowed and module.split(".")[0] in ("numpy", "_codecs"):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"it refers to {module}.{name}")


def read_cifar(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 32, 32, 3) uint8 and labels (n,) int64 of one CIFAR-10 or CIFAR-100 (fine labels) python batch."""
    try:
        content = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        labels = content[b"fine_labels"] if b"fine_labels" in content else content[b"labels"]
        images = np.asarray(content[b"data"])
        if images.dtype != np.uint8:
            raise ValueError(f"its data are {images.dtype} instead of uint8")
        images = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    except (OSError, EOFError, pickle.UnpicklingError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not a CIFAR python batch, or cut short ({error}); fetch it again") from None
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} images and {len(labels)} labels; fetch it again")
    return np.ascontiguousarray(images), class_numbers(labels, str(path))

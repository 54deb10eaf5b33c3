"""Small networks, short recipes and data sets in their true file formats."""

from __future__ import annotations

import gzip
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dsx.recipes.recipe import Recipe, load_recipe


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks are faster on one thread, above all while other tests run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def digits() -> Callable[..., Recipe]:
    """digits(**overrides): the recipe over three epochs; `__` in a key stands for a dot."""

    def make(**overrides: Any) -> Recipe:
        short = {
            "epochs": 3,
            "batch_size": 64,
            "data.split.held_out": 0.3333,
        }  # 1198 training images, 18 steps an epoch; 599 evaluated
        return load_recipe("digits", short | {key.replace("__", "."): v for key, v in overrides.items()})

    return make


@pytest.fixture
def cifar_folder(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A CIFAR-10 folder of 5 × 40 training and 40 test images whose colour tells the class; with images and labels."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    images, labels = [], []
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        label = np.arange(40) % 10
        pixels = rng.integers(0, 60, (40, 3, 32, 32)) + (label * 18)[:, None, None, None]
        data = pixels.astype(np.uint8).reshape(40, 3072)
        content = {b"batch_label": b"part", b"labels": label.tolist(), b"data": data, b"filenames": [b"x.png"] * 40}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        images.append(data.reshape(40, 3, 32, 32))
        labels.append(label)
    return tmp_path, np.concatenate(images), np.concatenate(labels)


@pytest.fixture
def mnist_folder(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """An MNIST folder of 200 training images, one file of each pair compressed; with images and labels."""
    rng = np.random.default_rng(1)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    made = {}
    for stem, n in (("train", 200), ("t10k", 50)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, n, 28, 28) + images.tobytes())
        packed = gzip.compress(struct.pack(">II", 0x801, n) + labels.tobytes())
        (raw / f"{stem}-labels-idx1-ubyte.gz").write_bytes(packed)
        made[stem] = (images, labels)
    return tmp_path, *made["train"]


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Three classes of 20 training and 8 validation JPEGs of different sizes."""
    rng = np.random.default_rng(2)
    for part, n in (("train", 20), ("val", 8)):
        for label, name in enumerate(("ant", "bee", "cat")):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for i in range(n):
                height, width = rng.integers(30, 60, 2)
                pixels = rng.integers(0, 80, (height, width, 3)).astype(np.uint8)
                pixels[..., label] += 150
                Image.fromarray(pixels).save(folder / f"{i:03}.jpg")
    return tmp_path

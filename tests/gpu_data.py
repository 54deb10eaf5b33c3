"""Small networks and data sets for the tests that need a GPU, and two ways to compare what it computes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.result import Result


def network(in_channels: int = 1, num_classes: int = 10, width: int = 8) -> Architecture:
    """Two blocks with squeeze-and-excitation; widths `width` and twice that."""
    stages = tuple(
        Stage(block="x", depth=1, width=w, stride=s, group_width=4, se_ratio=0.25)
        for w, s in ((width, 1), (2 * width, 2))
    )
    return Architecture(
        stem=Stem(type="cifar", width=width), stages=stages, num_classes=num_classes, in_channels=in_channels
    )


def digits(**overrides: Any) -> Recipe:
    """Three epochs of 18 steps over 1198 images, 599 evaluated; `__` in a key stands for a dot."""
    short = {"epochs": 3, "batch_size": 64, "data.split.held_out": 0.3333}
    return load_recipe("digits", short | {key.replace("__", "."): value for key, value in overrides.items()})


def make_cifar(root: Path, images: int = 2000) -> Path:
    """CIFAR-10's files below root, where brightness tells the class: `images` to train on, a fifth to test."""
    folder, rng = root / "cifar-10-batches-py", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        labels = np.arange(images // 5) % 10
        pixels = rng.integers(0, 60, (len(labels), 3072)) + (labels * 18)[:, None]
        content = {b"labels": labels.tolist(), b"data": pixels.astype(np.uint8)}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return root


def make_pictures(root: Path, training: int = 60, evaluation: int = 16) -> Path:
    """JPEGs of different sizes in three classes, whose colour tells the class: so many of each."""
    rng = np.random.default_rng(2)
    for part, count in (("train", training), ("val", evaluation)):
        for label, name in enumerate(("ant", "bee", "cat")):
            folder = root / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                height, width = rng.integers(40, 70, 2)
                pixels = rng.integers(0, 80, (height, width, 3)).astype(np.uint8)
                pixels[..., label] += 150
                Image.fromarray(pixels).save(folder / f"{i:03}.jpg")
    return root


def off(found: Tensor, expected: Tensor) -> float:
    """‖found − expected‖ / ‖expected‖, 2-norms over all elements, in double precision on the CPU."""
    want, got = expected.detach().double().cpu(), found.detach().double().cpu()
    return float((got - want).norm() / want.norm().clamp(min=1e-30))


def curve(result: Result) -> list[dict[str, float]]:
    """What an epoch's record says of the training, without its times."""
    timed = ("seconds", "train_seconds", "waiting")
    return [{name: value for name, value in epoch.items() if name not in timed} for epoch in result.curve]


@contextmanager
def every_wait_raises() -> Iterator[None]:
    """Inside, whatever makes the host wait for the GPU is an error."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def gpu() -> torch.device:
    return torch.device("cuda", 0)

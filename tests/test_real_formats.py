"""Training through the command line on data sets in their true file formats."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import Command

pytestmark = pytest.mark.slow

SMALL = {
    "stem": {"type": "cifar", "width": 8},
    "stages": [
        {"block": "x", "depth": 1, "width": 16, "stride": 2, "group_width": 8},
        {"block": "x", "depth": 1, "width": 32, "stride": 2, "group_width": 8},
    ],
}


@pytest.fixture
def cifar(tmp_path: Path) -> Path:
    """CIFAR-10's python batches, 5 × 40 training images and 40 test images whose brightness tells the class."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        labels = np.arange(40) % 10
        pixels = rng.integers(0, 40, (40, 3072)) + 20 * labels[:, None]
        content = {b"labels": labels.tolist(), b"data": pixels.astype(np.uint8)}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return folder.parent


@pytest.fixture
def jpegs(tmp_path: Path) -> Path:
    """An ImageFolder of three classes of JPEGs told by colour, one of them corrupt."""
    rng = np.random.default_rng(1)
    for part, count in (("train", 30), ("val", 10)):
        for channel, name in enumerate(("ant", "bee", "cat")):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 90, (48, 40, 3)).astype(np.uint8)
                pixels[..., channel] += 140
                Image.fromarray(pixels).save(folder / f"{i:03}.jpg")
    (tmp_path / "images" / "train" / "ant" / "007.jpg").write_bytes(b"\xff\xd8 not a picture")
    return tmp_path / "images"


def record_in(folder: Path) -> dict[str, object]:
    (path,) = folder.rglob("result.json")
    return json.loads(path.read_text())


def test_twenty_epochs_of_cifar_batches_learn(dsx_process: Command, tmp_path: Path, cifar: Path) -> None:
    (tmp_path / "small.json").write_text(json.dumps(SMALL))
    overrides = [f"recipe.data.root={cifar}", "recipe.epochs=20", "recipe.batch_size=20"]
    done = dsx_process("train", "./small.json", "--recipe", "cifar10", *overrides)
    assert done.code == 0, done.err
    record = record_in(tmp_path / "runs" / "small")
    assert record["epochs"] == 20
    assert record["error"] <= 50  # a guess is 90 % wrong
    assert [entry["epoch"] for entry in record["curve"]] == list(range(1, 21))


def test_a_population_trains_on_a_folder_of_jpegs(dsx_process: Command, tmp_path: Path, jpegs: Path) -> None:
    space = ["--space", "AnyNetXE-digits", "--resolution", "32", "--num-classes", "3", "--flops", "1M:20M"]
    done = dsx_process("sample", *space, "--n", "2", "--out", "runs/folder", "in_channels=3")
    assert done.code == 0, done.err
    overrides = [f"recipe.data.root={jpegs}", "recipe.epochs=2", "recipe.batch_size=18", "recipe.resolution=32"]
    overrides += ["recipe.augmentation.evaluation_resize=36", "recipe.data.max_corrupt=0.05"]
    done = dsx_process("launch", "runs/folder", "--recipe", "folder", *overrides)
    assert done.code == 0, done.err
    records = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "folder").rglob("result.json")]
    assert [record["state"] for record in records] == ["done", "done"]
    assert all(record["epochs"] == 2 and record["error"] < 100 for record in records)
    assert "007.jpg" in json.dumps(records[0])  # the corrupt image is named


def test_missing_data_says_what_is_expected_where(dsx: Command, tmp_path: Path) -> None:
    dsx("sample", "--space", "AnyNetXE-digits", "--n", 1, "--resolution", 32, "--flops", "1M:20M", "in_channels=3")
    done = dsx("launch", "runs/AnyNetXE-digits", "--recipe", "cifar10", "--on", "debug")
    assert done.code == 2
    assert "cifar-10-batches-py" in done.err
    assert not list(tmp_path.rglob("failure.json"))

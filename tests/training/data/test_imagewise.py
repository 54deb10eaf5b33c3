from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import load_recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.opening import open_batches
from dsx.training.faults import DataError
from dsx.training.trainer import train

CPU = torch.device("cpu")


@pytest.fixture
def folder(image_folder: Path) -> Callable[..., Batches]:
    def make(share: BatchShare | None = None, **overrides: Any) -> Batches:
        fixed = {"data.root": str(image_folder), "resolution": 24, "batch_size": 8, "data.workers": 0}
        recipe = load_recipe("folder", fixed | {k.replace("__", "."): v for k, v in overrides.items()})
        return open_batches(recipe, 5, CPU, share)

    return make


@pytest.mark.slow
def test_the_number_of_workers_never_changes_a_batch(folder: Callable[..., Batches]) -> None:
    batches = [folder(data__workers=workers) for workers in (0, 2)]
    assert (batches[0].training_images, batches[0].evaluation_images, batches[0].num_classes) == (60, 24, 3)
    for epoch in (0, 1):
        pairs = zip(*(b.training(epoch, first_step=2) for b in batches), strict=True)
        assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs)
    pairs = zip(*(b.evaluation() for b in batches), strict=True)
    assert all(torch.equal(a[0], b[0]) for a, b in pairs)
    batches[1].close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, forking is not safe")
def test_decoding_processes_are_forks_whatever_started_their_parent(folder: Callable[..., Batches]) -> None:
    """A launcher's worker comes from a fork server; without preloading, its own children would import torch again."""
    code = (
        "import multiprocessing, sys\n"
        "from dsx.training.data.opening import open_batches\n"
        "from dsx.recipes.recipe import Recipe\n"
        "import json, torch\n"
        "multiprocessing.set_start_method('forkserver')\n"
        "batches = open_batches(Recipe.from_dict(json.loads(sys.argv[1])), 5, torch.device('cpu'))\n"
        "next(batches.training(0))\n"
        "print([type(child).__name__ for child in multiprocessing.active_children()])\n"
        "batches.close()\n"
    )
    recipe = json.dumps(folder(data__workers=2).recipe.to_dict())
    done = subprocess.run([sys.executable, "-c", code, recipe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['ForkProcess', 'ForkProcess']"


def test_epochs_and_shares_of_a_batch(folder: Callable[..., Batches]) -> None:
    first, second = (next(folder().training(epoch))[0] for epoch in (0, 1))
    assert first.shape == (8, 3, 24, 24)
    assert not torch.equal(first, second)
    parts = [next(folder(BatchShare(rank, 2)).training(0))[0] for rank in range(2)]
    assert torch.equal(first, torch.cat(parts))


def test_corrupt_images_are_left_out_counted_and_named(folder: Callable[..., Batches], image_folder: Path) -> None:
    bad = image_folder / "train" / "bee" / "003.jpg"
    bad.write_bytes(bad.read_bytes()[:200])
    batches = folder(data__max_corrupt=0.05)
    with pytest.warns(UserWarning, match=r"003\.jpg: not a readable image; left out"):
        seen = sum(len(labels) for _, labels in batches.training(0))
    assert seen in (55, 56)  # the corrupt one may be among the four that fill no batch
    assert batches.report() == {"corrupt_images": 60 - 4 - seen, "corrupt_names": [str(bad)][: 56 - seen]}


def test_too_many_images_that_break_while_training_are_fatal(
    image_folder: Path, tiny: Callable[..., Architecture]
) -> None:
    overrides = {"data.root": str(image_folder), "resolution": 24, "batch_size": 8, "data.workers": 0}
    recipe = load_recipe("folder", overrides | {"data.max_corrupt": 0.05})
    open_batches(recipe, 0, CPU)  # has looked at them
    for path in (image_folder / "val" / "ant").glob("*.jpg"):
        path.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="not a readable image"),
        pytest.raises(DataError, match=r"8 of 84 images are not readable, more than data\.max_corrupt = 0\.05 allows"),
    ):
        train(tiny(3, 3), recipe, device="cpu", threads=1)


def test_a_folder_of_another_layout_says_what_is_expected(folder: Callable[..., Batches], image_folder: Path) -> None:
    shutil.rmtree(image_folder / "val" / "cat")
    with pytest.raises(DataError, match="train and val have different classes; only one of them has cat"):
        folder()
    shutil.rmtree(image_folder / "val")
    with pytest.raises(DataError, match=r"no folder val, valid, validation or test .* expected below data\.root"):
        folder()
    assert folder(data__split__evaluate="held_out").evaluation_images == 12


@pytest.mark.slow
def test_two_epochs_of_a_folder_learn_and_measure_waiting(
    image_folder: Path, tiny: Callable[..., Architecture]
) -> None:
    overrides = {"data.root": str(image_folder), "resolution": 24, "batch_size": 12, "epochs": 2, "lr": 0.5}
    recipe = load_recipe("folder", overrides | {"schedule.warmup_epochs": 0, "augmentation.random_area": [0.5, 1]})
    result = train(tiny(3, 3), recipe, device="cpu", threads=1)
    assert result.state == "done"
    assert result.error < 50
    assert 0 < result.waiting < 1
    assert result.data["corrupt_images"] == 0


@pytest.mark.slow
def test_a_dataset_by_import_path_in_memory_and_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Callable[..., Architecture]
) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\nclass Data:\n    def __init__(self, root, train):\n        self.n = 64 if train else 32\n"
        "    def __len__(self): return self.n\n    def __getitem__(self, i):\n"
        "        return torch.full((3, 16, 16), (i % 2) * 0.8), i % 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = []
    for storage in ("memory", "stream"):
        overrides: dict[str, Any] = {
            "data.dataset": "mine:Data",
            "data.storage": storage,
            "resolution": 16,
            "batch_size": 16,
        }
        overrides |= {"epochs": 2, "schedule.warmup_epochs": 0, "augmentation.random_area": None, "data.workers": 0}
        result = train(tiny(3, 2), load_recipe("folder", overrides), device="cpu", threads=1)
        found.append((result.split["training_images"], result.split["evaluation_images"], result.error))
    assert found[0][:2] == found[1][:2] == (64, 32)
    assert found[0][2] == found[1][2] == 0
    sys.modules.pop("mine", None)


def test_grey_and_palette_images_are_read_as_rgb(folder: Callable[..., Batches], image_folder: Path) -> None:
    for i, mode in enumerate(("L", "P", "RGBA", "CMYK")):
        suffix = "jpg" if mode in ("L", "CMYK") else "png"
        Image.new(mode, (40, 40)).save(image_folder / "train" / "ant" / f"x{i}.{suffix}")
    batches = folder(batch_size=64)
    assert batches.training_images == 64
    assert next(batches.training(0))[0].shape == (64, 3, 24, 24)
    assert batches.report()["corrupt_images"] == 0

"""From a recipe to its batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data import opening
from dsx.training.data.batches import BatchShare
from dsx.training.data.batchwise import Batchwise
from dsx.training.data.imagewise import Imagewise
from dsx.training.data.opening import open_batches
from dsx.training.faults import DataError

CPU = torch.device("cpu")


def test_digits_come_a_batch_at_a_time_and_files_image_by_image(
    digits: Callable[..., Recipe], image_folder: Path
) -> None:
    assert type(open_batches(digits(), 1, CPU)) is Batchwise
    folder = load_recipe("folder", {"data.root": str(image_folder), "batch_size": 8, "data.workers": 0})
    assert type(open_batches(folder, 1, CPU)) is Imagewise


def test_seed_device_and_share_are_handed_on(digits: Callable[..., Recipe]) -> None:
    batches = open_batches(digits(), 7, CPU, BatchShare(1, 2))
    assert (batches.seed, batches.device, batches.share) == (7, CPU, BatchShare(1, 2))
    assert open_batches(digits(), 7, CPU).share == BatchShare(0, 1)
    (images, _), (whole, _) = (next(iter(b.training(0))) for b in (batches, open_batches(digits(), 7, CPU)))
    assert torch.equal(images, whole[32:])


def test_images_are_checked_before_anything_is_made_of_them(
    digits: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object) -> None:
        raise AssertionError("made")

    monkeypatch.setattr(opening, "Batchwise", made)
    with pytest.raises(DataError, match=r"^recipe digits: batch_size 5000 exceeds the 1198 training images of digits"):
        open_batches(digits(batch_size=5000), 1, CPU)

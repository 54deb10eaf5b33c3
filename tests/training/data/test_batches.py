"""What every source of batches does, whatever lies behind it: order, shares, and the count of unreadable images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.images import ImageParts, Stored
from dsx.training.faults import CorruptData


class Rows(Batches):
    """Batches of row numbers: no image is read."""

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        for step in self._training_steps(epoch, first_step):
            yield step.rows, step.rows

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        for step in self._evaluation_steps():
            yield step.rows, step.rows


Make = Callable[..., Rows]


@pytest.fixture
def make(digits: Callable[..., Recipe]) -> Make:
    """make(50, 20, rank=1, world=2): of that many training and evaluation images."""

    def of(training: int, evaluation: int, *, seed: int = 3, rank: int = 0, world: int = 1, **overrides: Any) -> Rows:
        stored = [Stored(np.zeros((n, 8, 8, 1), np.uint8), np.zeros(n, np.int64)) for n in (training, evaluation)]
        images = ImageParts(stored[0], stored[1], ["a", "b"], ("here", "there"))
        return Rows(digits(**overrides), seed, torch.device("cpu"), BatchShare(rank, world), images)

    return of


def rows(batches: Iterator[tuple[Tensor, Tensor]]) -> list[list[int]]:
    return [part.tolist() for part, _ in batches]


@pytest.mark.parametrize("count", [0, 1, 7, 64, 65])
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_shares_follow_each_other_and_make_up_the_whole(count: int, world: int) -> None:
    parts = [list(range(count))[BatchShare(rank, world).of(count)] for rank in range(world)]
    assert [row for part in parts for row in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_an_epoch_shows_each_image_at_most_once_and_fills_every_batch(make: Make) -> None:
    source = make(50, 20, batch_size=16)
    epoch = rows(source.training(0))
    assert source.steps_per_epoch == 3
    assert [len(part) for part in epoch] == [16, 16, 16]
    shown = [row for part in epoch for row in part]
    assert len(set(shown)) == 48
    assert set(shown) <= set(range(50))
    assert shown != sorted(shown)


def test_the_order_is_of_seed_and_epoch_and_any_step_can_be_started_at(make: Make) -> None:
    source = make(50, 20, batch_size=16)
    epoch = rows(source.training(2))
    assert rows(make(50, 20, batch_size=16).training(2)) == epoch
    assert rows(source.training(2, first_step=1)) == epoch[1:]
    assert rows(source.training(2, first_step=3)) == []
    assert rows(source.training(1)) != epoch
    assert rows(make(50, 20, batch_size=16, seed=4).training(2)) != epoch


def test_processes_share_every_batch(make: Make) -> None:
    whole = rows(make(50, 20, batch_size=15).training(0))
    first, second = (rows(make(50, 20, batch_size=15, rank=rank, world=2).training(0)) for rank in range(2))
    assert [a + b for a, b in zip(first, second, strict=True)] == whole


@pytest.mark.parametrize("world", [1, 3])
def test_every_evaluation_image_is_shown_once_in_order(make: Make, world: int) -> None:
    parts = [make(50, 2500, rank=rank, world=world, batch_size=8) for rank in range(world)]
    shown = [row for source in parts for part in rows(source.evaluation()) for row in part]
    assert shown == list(range(2500))
    assert max(len(part) for part in rows(parts[0].evaluation())) == min(1024, 2500 // world)


@pytest.mark.parametrize(
    ("resolution", "batch_size", "world", "expected"),
    [
        (8, 64, 1, 1024),  # small images: at most 1024
        (32, 64, 1, 256),  # 2¹⁸ pixels
        (512, 64, 1, 64),  # large ones: the recipe's own batch fits
        (512, 64, 4, 16),
        (600, 2, 2, 1),
    ],
)
def test_evaluation_batches_are_as_large_as_memory_surely_takes(
    make: Make, resolution: int, batch_size: int, world: int, expected: int
) -> None:
    source = make(100, 20, resolution=resolution, batch_size=batch_size, world=world)
    assert source.evaluation_batch == expected


def test_a_batch_has_an_image_for_every_device(make: Make) -> None:
    make(50, 20, batch_size=4, world=4)
    with pytest.raises(DsxError) as caught:
        make(50, 20, batch_size=3, world=4)
    assert str(caught.value) == "recipe digits: batch_size 3 is less than 4 devices"


def test_unreadable_images_are_counted_once_and_told_with_their_reason(make: Make) -> None:
    source = make(90, 10, data__max_corrupt=0.02)
    with pytest.warns(UserWarning, match=r"^b\.png: not a readable image; left out \(torn\)$"):
        source.note_unreadable([("b.png", "torn")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source.note_unreadable([("b.png", "torn")])
    assert source.report() == {"corrupt_images": 1, "corrupt_names": ["b.png"]}
    with pytest.warns(UserWarning, match=r"^a\.png: not a readable image"):
        source.note_unreadable([("a.png", "")])
    source.check_corrupt()  # two of a hundred are tolerated
    source.corrupt.add("c.png")  # another process met it
    with pytest.raises(CorruptData) as caught:
        source.check_corrupt()
    assert str(caught.value) == (
        "3 of 100 images are not readable, more than data.max_corrupt = 0.02 allows; the first: a.png, b.png (torn),"
        " c.png"
    )


def test_many_unreadable_images_are_counted_and_the_first_named(make: Make) -> None:
    source = make(90, 10)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        source.note_unreadable((f"{i:03}.png", "torn") for i in range(30))
    assert len(told) == 20
    report = source.report()
    assert report["corrupt_images"] == 30
    assert report["corrupt_names"] == [f"{i:03}.png" for i in range(20)]


@pytest.mark.parametrize("channels_last", [True, False])
def test_images_are_turned_to_planes_in_the_recipes_layout(make: Make, channels_last: bool) -> None:
    source = make(50, 20, channels_last=channels_last)
    images = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    planes = source._finished(images)
    assert torch.equal(planes, torch.einsum("nhwc->nchw", images))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert planes.is_contiguous(memory_format=layout)

"""What the trainer asks of a source of batches, whatever lies behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe
from dsx.training.faults import CorruptData
from dsx.training.streams import generator

# images per evaluation batch: at least the recipe's batch, and as many as this number of pixels holds
_EVALUATION_PIXELS, _EVALUATION_MOST = 2**18, 1024


@dataclass(frozen=True)
class Share:
    """Which part of every batch is this process's: the rank-th of `world` contiguous parts."""

    rank: int = 0
    world: int = 1

    def of(self, count: int) -> slice:
        """The rows of a batch of `count` images."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)


class Batches(ABC):
    """Training and evaluation batches of one data set: (images (n, channels, size, size) float32, labels (n,) int64).

    Data order and augmentation are functions of (seed, epoch, step), so any step can be started at.
    """

    num_classes: int
    training_images: int
    evaluation_images: int

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: Share) -> None:
        self.recipe, self.seed, self.device, self.share = recipe, seed, device, share
        self.batch_size = recipe.batch_size
        # names of unreadable images that this process met, or heard of from the others
        self.corrupt: set[str] = set()
        fitting = min(_EVALUATION_MOST, _EVALUATION_PIXELS // recipe.resolution**2)
        self.evaluation_batch = max(1, (recipe.micro_batch_size or recipe.batch_size) // share.world, fitting)

    def _check_counts(self) -> None:
        if self.training_images < self.batch_size:
            raise DsxError(
                f"recipe {self.recipe.name}: batch_size {self.batch_size} exceeds the {self.training_images} training"
                f" images of {self.recipe.data.dataset}: use a smaller one"
            )
        if self.batch_size < self.share.world:
            raise DsxError(
                f"recipe {self.recipe.name}: batch_size {self.batch_size} is less than {self.share.world} devices"
            )

    def check_corrupt(self) -> None:
        """Raises CorruptData if more images are unreadable than the recipe tolerates."""
        total, tolerated = self.training_images + self.evaluation_images, self.recipe.data.max_corrupt
        if len(self.corrupt) > tolerated * total:
            raise CorruptData(
                f"{len(self.corrupt)} of {total} images are not readable, more than data.max_corrupt ="
                f" {tolerated:g} allows; the first: {', '.join(sorted(self.corrupt)[:3])}"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch; images that do not fill a batch wait for another epoch's order."""
        return self.training_images // self.batch_size

    def _order(self, epoch: int) -> Tensor:
        """(training_images,) rows in the order of this epoch."""
        return torch.randperm(self.training_images, generator=generator(self.seed, "order", epoch))

    def _finished(self, images: Tensor) -> Tensor:
        """(n, size, size, channels) → (n, channels, size, size) in the recipe's memory layout."""
        planes = images.permute(0, 3, 1, 2)
        return planes if self.recipe.channels_last else planes.contiguous()

    @abstractmethod
    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's part of every batch of an epoch (from 0), from `first_step` on."""

    @abstractmethod
    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's part of the evaluation images, every image once."""

    def report(self) -> dict[str, Any]:
        """What happened while reading, for the result: corrupt images and the like."""
        return {}

    def close(self) -> None:  # noqa: B027
        """End worker processes, if there are any."""


def open_batches(recipe: Recipe, seed: int, device: torch.device, share: Share | None = None) -> Batches:
    """The batches that a recipe describes. Raises DataError if the data is not where it should be."""
    if recipe.data.streams:
        from dsx.training.data.stream import StreamBatches

        return StreamBatches(recipe, seed, device, share or Share())
    from dsx.training.data.memory import MemoryBatches

    return MemoryBatches(recipe, seed, device, share or Share())

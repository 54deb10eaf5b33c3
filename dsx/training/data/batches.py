"""What the trainer asks of a source of batches, whatever lies behind it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe
from dsx.training.data.images import ImageParts, too_many_unreadable
from dsx.training.streams import generator

# images per evaluation batch: at least the recipe's batch, and as many as this number of pixels holds
_EVALUATION_PIXELS, _EVALUATION_MOST = 2**18, 1024
_NAMED = 20


@dataclass(frozen=True)
class BatchShare:
    """Which part of every batch is this process's: the rank-th of `world` contiguous parts."""

    rank: int = 0
    world: int = 1

    def of(self, count: int) -> slice:
        """The rows of a batch of `count` images."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)


class BatchStep(NamedTuple):
    """One process's part of a batch: its rows of the images, (n,) int64. number: of the step in its epoch."""

    epoch: int
    number: int
    rows: Tensor


class Batches(ABC):
    """Training and evaluation batches of one data set: (images (n, channels, size, size) float32, labels (n,) int64).

    Data order and augmentation are functions of (seed, epoch, step), so any step can be started at. An image that
    cannot be read is left out of its batch, counted and named.
    """

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: BatchShare, parts: ImageParts) -> None:
        self.recipe, self.seed, self.device, self.share = recipe, seed, device, share
        self.batch_size = recipe.batch_size
        self.num_classes = parts.num_classes
        self.training_images, self.evaluation_images = len(parts.training.labels), len(parts.evaluation.labels)
        # names of unreadable images that this process met, or heard of from the others
        self.corrupt: set[str] = set()
        self._reasons: dict[str, str] = {}
        fitting = min(_EVALUATION_MOST, _EVALUATION_PIXELS // recipe.resolution**2)
        self.evaluation_batch = max(1, (recipe.micro_batch_size or recipe.batch_size) // share.world, fitting)
        if self.batch_size < share.world:
            raise DsxError(f"recipe {recipe.name}: batch_size {self.batch_size} is less than {share.world} devices")

    def check_corrupt(self) -> None:
        """Raises CorruptData if more images are unreadable than the recipe tolerates."""
        total, tolerated = self.training_images + self.evaluation_images, self.recipe.data.max_corrupt
        if len(self.corrupt) > tolerated * total:
            reasons = {name: self._reasons.get(name, "") for name in self.corrupt}
            raise too_many_unreadable(reasons, f"{total} images", tolerated)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch; images that do not fill a batch wait for another epoch's order."""
        return self.training_images // self.batch_size

    def shrink_evaluation(self, images: int) -> None:
        """Evaluate at most so many images at a time: what a training pass had memory for."""
        self.evaluation_batch = min(self.evaluation_batch, images)

    def note_unreadable(self, reasons: Iterable[tuple[str, str]]) -> None:
        """Count images, (name, why), that could not be read; each is named once."""
        fresh = {name: reason for name, reason in reasons if name not in self.corrupt}
        self.corrupt.update(fresh)
        self._reasons |= fresh
        for name, reason in list(fresh.items())[:_NAMED]:
            warnings.warn(f"{name}: not a readable image; left out ({reason})", stacklevel=4)

    def _order(self, epoch: int) -> Tensor:
        """(training_images,) rows in the order of this epoch."""
        return torch.randperm(self.training_images, generator=generator(self.seed, "order", epoch))

    def _training_steps(self, epoch: int, first_step: int) -> list[BatchStep]:
        """This process's part of every batch of an epoch, from `first_step` on."""
        batches = self._order(epoch)[: self.steps_per_epoch * self.batch_size].view(-1, self.batch_size)
        mine = batches[:, self.share.of(self.batch_size)]
        return [BatchStep(epoch, number, mine[number]) for number in range(first_step, self.steps_per_epoch)]

    def _evaluation_steps(self) -> list[BatchStep]:
        """This process's part of every evaluation batch."""
        rows = torch.arange(self.evaluation_images)[self.share.of(self.evaluation_images)]
        return [BatchStep(0, number, part) for number, part in enumerate(torch.split(rows, self.evaluation_batch))]

    def _finished(self, images: Tensor) -> Tensor:
        """(n, size, size, channels) → (n, channels, size, size) in the recipe's memory layout, or (n, *data.shape)."""
        planes = images.permute(0, 3, 1, 2)
        if self.recipe.data.shape is not None:
            return planes.reshape(len(images), *self.recipe.data.shape)
        return planes if self.recipe.channels_last else planes.contiguous()

    @abstractmethod
    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's part of every batch of an epoch (from 0), from `first_step` on."""

    @abstractmethod
    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's part of the evaluation images, every image once."""

    def report(self) -> dict[str, object]:
        """What happened while reading, for the result: unreadable images."""
        return {"corrupt_images": len(self.corrupt), "corrupt_names": sorted(self.corrupt)[:_NAMED]}

    def close(self) -> None:  # noqa: B027
        """End worker processes, if there are any."""

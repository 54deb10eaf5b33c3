"""Random images in place of a known data set that is not here: what a training costs can be told before."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from dsx.recipes.datasets import DATASETS
from dsx.recipes.options import Data
from dsx.recipes.recipe import Recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.images import ImageParts, Stored


def is_absent(data: Data) -> bool:
    """Whether the images of a known data set, of known number, are not on this machine: their folder is not there."""
    facts = DATASETS.get(data.dataset)
    known = facts is not None and facts.evaluation_images is not None
    return known and not (data.root and os.path.isdir(os.path.expanduser(data.root)))


class NoiseBatches(Batches):
    """Batches of the shape and number that the data set's would have: one random batch, again and again."""

    def __init__(self, recipe: Recipe, seed: int, device: torch.device) -> None:
        facts = DATASETS[recipe.data.dataset]
        training, evaluation = facts.training_images or 0, facts.evaluation_images or 0
        if recipe.data.split.evaluate == "held_out":
            evaluation = round(training * recipe.data.split.held_out)
            training -= evaluation
        classes = [str(label) for label in range(facts.num_classes or 0)]
        parts = ImageParts(_blank(training), _blank(evaluation), classes, ("noise", "noise"))
        super().__init__(recipe, seed, device, BatchShare(), parts)
        shape = (self.batch_size, recipe.resolution, recipe.resolution, recipe.in_channels)
        drawn = torch.Generator().manual_seed(seed)
        labels = torch.randint(self.num_classes, shape[:1], generator=drawn)
        self._batch = self._finished(torch.randn(shape, generator=drawn).to(device)), labels.to(device)

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:  # noqa: ARG002
        for _ in range(first_step, self.steps_per_epoch):
            yield self._batch

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        for step in self._evaluation_steps():
            yield self._batch[0][: len(step.rows)], self._batch[1][: len(step.rows)]


def _blank(count: int) -> Stored:
    return Stored(np.empty((count, 0, 0, 0), dtype=np.uint8), np.zeros(count, dtype=np.int64))

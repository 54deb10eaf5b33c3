"""Batches from images that live decoded on the device; crops and flips are one gather per batch.

Images are stored (n, height, width, channels), which is channels-last once permuted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe
from dsx.training.data.arrays import Labelled, load_arrays
from dsx.training.data.augment import Normalise, apply_policy
from dsx.training.data.batches import Batches, Share
from dsx.training.streams import generator


class MemoryBatches(Batches):
    """A data set of `recipe.data` in the memory of `device`. Raises DataError if its files are missing."""

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: Share) -> None:
        super().__init__(recipe, seed, device, share)
        arrays = load_arrays(recipe.data)
        self.num_classes = arrays.num_classes
        self._padding = recipe.augmentation.crop_padding
        self._images, self._labels = self._place(arrays.training, self._padding)
        self._held, self._held_labels = self._place(arrays.evaluation, 0)
        self._normalise = Normalise(recipe, device, scale=255.0 if self._images.dtype == torch.uint8 else 1.0)
        self.training_images, self.evaluation_images = len(self._labels), len(self._held_labels)
        self._check_counts()

    def _place(self, part: Labelled, padding: int) -> tuple[Tensor, Tensor]:
        """Images at the recipe's resolution with a border of mean colour, and labels, on the device."""
        images = torch.from_numpy(np.ascontiguousarray(part.images)).to(self.device)
        channels, size = images.shape[3], self.recipe.resolution
        if channels != self.recipe.in_channels:
            raise DsxError(
                f"data set {self.recipe.data.dataset} has {channels} channels and recipe {self.recipe.name} gives mean"
                f" and std for {self.recipe.in_channels}: give data.mean and data.std one value per channel"
            )
        if images.shape[1:3] != (size, size):
            planes = images.permute(0, 3, 1, 2)
            resized = [
                torch.nn.functional.interpolate(chunk.float(), (size, size), mode="bilinear", antialias=True)
                for chunk in torch.split(planes, 4096)
            ]
            planes = torch.cat(resized)
            planes = planes.round().clamp(0, 255).to(images.dtype) if images.dtype == torch.uint8 else planes
            images = planes.permute(0, 2, 3, 1).contiguous()
        if padding:
            mean = torch.tensor(self.recipe.data.mean, device=self.device)
            border = (mean * 255).round().to(torch.uint8) if images.dtype == torch.uint8 else mean
            padded = border.expand(len(images), size + 2 * padding, size + 2 * padding, channels).contiguous()
            padded[:, padding:-padding, padding:-padding] = images
            images = padded
        return images, torch.from_numpy(part.labels).to(self.device)

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        order = self._order(epoch)
        for step in range(first_step, self.steps_per_epoch):
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            rows = rows[self.share.of(len(rows))].to(self.device, non_blocking=True)
            labels = self._labels.index_select(0, rows)
            images = self._cropped(rows, epoch, step)
            policy = self.recipe.augmentation.automatic
            if policy != "none":
                images = apply_policy(images, policy, (self.seed, epoch, step))
            yield self._finished(self._normalise(images, self._draws(epoch, step, "lighting"))), labels

    def _cropped(self, rows: Tensor, epoch: int, step: int) -> Tensor:
        """(rows, size, size, channels): randomly cropped out of the border and mirrored, as the recipe says."""
        if not (self._padding or self.recipe.augmentation.flip):
            return self._images.index_select(0, rows)
        size, padded, channels = self.recipe.resolution, *self._images.shape[2:]
        draws = self._draws(epoch, step, "crop")
        span = 2 * self._padding + 1
        # numbers for the whole batch are drawn on the CPU, then shared out: the same on any number of devices
        top, left = (torch.randint(span, (self.batch_size,), generator=draws) for _ in range(2))
        mirrored = torch.rand(self.batch_size, generator=draws) < (0.5 if self.recipe.augmentation.flip else 0.0)
        mine = self.share.of(self.batch_size)
        top, left, mirrored = (t[mine].to(self.device, non_blocking=True) for t in (top, left, mirrored))
        line = torch.arange(size, device=self.device)
        columns = torch.where(mirrored[:, None], size - 1 - line, line) + left[:, None]
        lines = rows[:, None] * padded + line + top[:, None]
        where = lines[:, :, None] * padded + columns[:, None, :]
        return self._images.view(-1, channels).index_select(0, where.view(-1)).view(len(rows), size, size, channels)

    def _draws(self, epoch: int, step: int, purpose: str) -> torch.Generator:
        return generator(self.seed, purpose, epoch, step)

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        mine = self.share.of(self.evaluation_images)
        images, labels = self._held[mine], self._held_labels[mine]
        for start in range(0, len(labels), self.evaluation_batch):
            rows = slice(start, start + self.evaluation_batch)
            yield self._finished(self._normalise(images[rows])), labels[rows]

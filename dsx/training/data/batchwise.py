"""Batches of images of one shape, resized to the recipe's resolution; crops and flips are one gather per batch.

Images are (n, height, width, channels), which is channels-last once permuted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Normalise, apply_policy
from dsx.training.data.batches import Batches, BatchShare, BatchStep
from dsx.training.data.check import other_shapes
from dsx.training.data.crops import resized
from dsx.training.data.images import ImageParts, ImageSet, Stored
from dsx.training.data.loader import Loader
from dsx.training.data.mapped import MappedImages
from dsx.training.data.prepared import PreparedImages
from dsx.training.streams import generator


class _Batch(NamedTuple):
    """A batch before it is cropped: its rows of `store` (n, side, side, channels), on the device."""

    store: Tensor
    rows: Tensor
    labels: Tensor
    readable: Tensor | None  # which of the rows are images; None if all are
    final: bool = False  # whether they are cropped and mirrored already


class _Source(Protocol):
    """One part's images with a border of mean colour."""

    def batches(self, plan: Sequence[BatchStep]) -> Iterator[_Batch]: ...

    def close(self) -> None: ...


class Batchwise(Batches):
    """The images of a part live on the device, or come from loader processes: the result is the same."""

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: BatchShare, parts: ImageParts) -> None:
        super().__init__(recipe, seed, device, share, parts)
        scale = 255.0 if parts.training.dtype == np.uint8 else 1.0
        self._normalise = Normalise(recipe, device, scale)
        self._padding = recipe.augmentation.crop_padding
        self._training = self._source(parts.training, training=True)
        self._held = self._source(parts.evaluation, training=False)

    def _source(self, images: ImageSet, training: bool) -> _Source:
        padding = self._padding if training else 0
        if isinstance(images, Stored):
            return _OnDevice(images, padding, self)
        return _Streamed(images, padding, self, training)

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        plan = self._training_steps(epoch, first_step)
        policy = self.recipe.augmentation.automatic
        for step, batch in enumerate(self._training.batches(plan), start=first_step):
            images = batch.store if batch.final else self._cropped(batch.store, batch.rows, epoch, step)
            if policy != "none":
                images = apply_policy(images, policy, (self.seed, epoch, step))
            yield self._placed(self._normalise(images, self._draws(epoch, step, "lighting")), batch)

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._held.batches(self._evaluation_steps()):
            images = batch.store if batch.final else batch.store.index_select(0, batch.rows)
            yield self._placed(self._normalise(images), batch)

    def _placed(self, images: Tensor, batch: _Batch) -> tuple[Tensor, Tensor]:
        labels = batch.labels
        if batch.readable is not None:
            images, labels = images[batch.readable], labels[batch.readable]
        return self._finished(images), labels

    def _cropped(self, store: Tensor, rows: Tensor, epoch: int, step: int) -> Tensor:
        """(rows, size, size, channels): randomly cropped out of the border and mirrored, as the recipe says."""
        if not (self._padding or self.recipe.augmentation.flip):
            return store.index_select(0, rows)
        size, padded, channels = self.recipe.resolution, *store.shape[2:]
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
        return store.reshape(-1, channels).index_select(0, where.view(-1)).view(len(rows), size, size, channels)

    def _draws(self, epoch: int, step: int, purpose: str) -> torch.Generator:
        return generator(self.seed, purpose, epoch, step)

    def close(self) -> None:
        self._training.close()
        self._held.close()


class _OnDevice:
    """Images that live on the device, resized and bordered once."""

    def __init__(self, images: Stored, padding: int, batches: Batches) -> None:
        self._images, self._batches, device = images, batches, batches.device
        if not isinstance(images.images, np.ndarray):
            shapes = {image.shape[:2] for image in images.images}
            where = f"data set {batches.recipe.data.dataset}: images of {len(shapes)} shapes"
            raise other_shapes(where, batches.recipe)
        pixels = torch.from_numpy(np.ascontiguousarray(images.images)).to(device)
        if batches.recipe.data.shape is None:
            pixels = bordered(resized(pixels, batches.recipe.resolution), padding, batches.recipe)
        self._store = pixels
        self._labels = torch.from_numpy(images.labels).to(device)
        self._readable = torch.ones(len(self._labels), dtype=torch.bool)
        self._readable[list(images.unreadable)] = False

    def batches(self, plan: Sequence[BatchStep]) -> Iterator[_Batch]:
        device, unreadable = self._batches.device, self._images.unreadable
        for _, _, rows in plan:
            readable = None
            if unreadable:
                met = [row for row in rows.tolist() if row in unreadable]
                self._batches.note_unreadable((self._images.name(row), unreadable[row]) for row in met)
                readable = self._readable[rows].to(device)
            placed = rows.to(device, non_blocking=True)
            yield _Batch(self._store, placed, self._labels.index_select(0, placed), readable)

    def close(self) -> None:
        """Nothing runs."""


class _Streamed:
    """Images that loader processes read and resize, or threads out of mapped files."""

    def __init__(self, images: ImageSet, padding: int, batches: Batches, training: bool) -> None:
        recipe, self._padding, self._batches = batches.recipe, padding, batches
        self._final = not training or (recipe.imagewise and not padding)
        if isinstance(images, PreparedImages):
            self._reader: MappedImages | Loader = MappedImages(images, batches, training, mirrors=not padding)
            return
        finish = _Resized(images, recipe)
        blank = torch.zeros(recipe.resolution, recipe.resolution, recipe.in_channels, dtype=finish.dtype)
        self._reader = Loader(
            images, finish, blank, batches.seed, recipe.data.workers, batches.device, note=batches.note_unreadable
        )

    def batches(self, plan: Sequence[BatchStep]) -> Iterator[_Batch]:
        device = self._batches.device
        for images, labels in self._reader.batches(plan):
            readable = labels >= 0
            store = bordered(images.to(device, non_blocking=True), self._padding, self._batches.recipe)
            whole = bool(readable.all())
            rows, placed = torch.arange(len(labels), device=device), labels.to(device, non_blocking=True)
            yield _Batch(store, rows, placed, None if whole else readable.to(device), self._final)

    def close(self) -> None:
        self._reader.close()


class _Resized:
    """(pixels, epoch, row) → (size, size, channels), of images that all have the first one's shape."""

    def __init__(self, images: ImageSet, recipe: Recipe) -> None:
        self._images, self._recipe = images, recipe
        self.dtype = torch.uint8 if images.dtype == np.uint8 else torch.float32
        self._shape: tuple[int, ...] | None = None

    def __call__(self, pixels: np.ndarray, epoch: int, row: int) -> Tensor:  # noqa: ARG002 (as augmenting transforms are called)
        self._shape = self._shape or pixels.shape
        if pixels.shape != self._shape:
            shapes = f"{self._images.name(row)} is {pixels.shape[0]}×{pixels.shape[1]} and others"
            raise other_shapes(f"{shapes} {self._shape[0]}×{self._shape[1]}", self._recipe)
        return resized(torch.from_numpy(np.array(pixels))[None], self._recipe.resolution)[0]


def bordered(images: Tensor, padding: int, recipe: Recipe) -> Tensor:
    """(n, size, size, channels) with `padding` pixels of the recipe's mean colour on each side."""
    if not padding:
        return images
    size, channels = images.shape[2:]
    mean = torch.tensor(recipe.data.mean).to(images.device, non_blocking=True)
    border = (mean * 255).round().to(torch.uint8) if images.dtype == torch.uint8 else mean
    padded = border.expand(len(images), size + 2 * padding, size + 2 * padding, channels).contiguous()
    padded[:, padding:-padding, padding:-padding] = images
    return padded

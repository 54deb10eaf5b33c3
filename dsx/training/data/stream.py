"""Batches from images that are decoded while training, in worker processes.

Each image is augmented with numbers that depend on (seed, epoch, image) alone, so workers never change a result.
An image that cannot be decoded is left out of its batch, counted and named.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Normalise, policy_transform
from dsx.training.data.batches import Batches, Share
from dsx.training.data.files import Reader, open_readers
from dsx.training.streams import derive, generator
from dsx.training.torch_private import children_allowed, end_processes

_NAMED = 20


class StreamBatches(Batches):
    """A folder of images, or a Dataset by import path. Raises DataError if it is missing."""

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: Share) -> None:
        super().__init__(recipe, seed, device, share)
        self._training, self._held, self.num_classes = open_readers(recipe.data)
        self.training_images, self.evaluation_images = len(self._training.labels), len(self._held.labels)
        self._check_counts()
        self._normalise = Normalise(recipe, device, scale=255.0)
        self._plan, self._held_plan = _Plan(), _Plan()
        self._loader = self._load(self._training, _training_transform(recipe), self._plan)
        self._held_loader = self._load(self._held, _evaluation_transform(recipe), self._held_plan)

    def _load(self, reader: Reader, transform: Any, plan: _Plan) -> DataLoader[Any]:
        workers = self.recipe.data.workers
        if workers is None:
            workers = 1 if self.device.type == "cpu" else min(8, os.cpu_count() or 1)
        return DataLoader(
            _Decoded(reader, transform, self.recipe, self.seed),
            batch_sampler=plan,
            num_workers=workers,
            # a launcher's own processes would start theirs afresh, at seconds of imports for each
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
            persistent_workers=workers > 0,
            prefetch_factor=2 if workers else None,
            pin_memory=self.device.type == "cuda",
        )

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        order = self._order(epoch).tolist()
        mine = self.share.of(self.batch_size)
        self._plan.batches = [
            [(epoch, row) for row in order[step * self.batch_size : (step + 1) * self.batch_size][mine]]
            for step in range(first_step, self.steps_per_epoch)
        ]
        for step, batch in enumerate(self._decoded(self._loader, self._training), start=first_step):
            yield self._placed(*batch, generator(self.seed, "lighting", epoch, step))

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = range(self.evaluation_images)[self.share.of(self.evaluation_images)]
        size = self.evaluation_batch
        self._held_plan.batches = [[(0, row) for row in rows[i : i + size]] for i in range(0, len(rows), size)]
        for batch in self._decoded(self._held_loader, self._held):
            yield self._placed(*batch)

    def _decoded(self, loader: DataLoader[Any], reader: Reader) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of uint8 images without the corrupt ones."""
        with children_allowed():
            batches = iter(loader)
        for images, labels, rows in batches:
            whole = labels >= 0
            if not whole.all():
                self._note([reader.name(int(row)) for row in rows[~whole]])
                images, labels = images[whole], labels[whole]
            yield images, labels

    def _placed(self, images: Tensor, labels: Tensor, draws: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        images = images.to(self.device, non_blocking=True).permute(0, 2, 3, 1)
        images = images.contiguous() if self.recipe.channels_last else images
        return self._finished(self._normalise(images, draws)), labels.to(self.device, non_blocking=True)

    def _note(self, names: list[str]) -> None:
        fresh = [name for name in names if name not in self.corrupt]
        self.corrupt.update(fresh)
        for name in fresh[:_NAMED]:
            warnings.warn(f"{name}: not a readable image; left out", stacklevel=3)

    def report(self) -> dict[str, Any]:
        return {"corrupt_images": len(self.corrupt), "corrupt_names": sorted(self.corrupt)[:_NAMED]}

    def close(self) -> None:
        for loader in (self._loader, self._held_loader):
            end_processes(loader)


class _Plan:
    """The batches a loader is to give next, each a list of (epoch, row)."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, int]]] = []

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Decoded(Dataset[Any]):
    """(uint8 (channels, size, size), label, row) by (epoch, row); label −1 for an image that cannot be decoded."""

    def __init__(self, reader: Reader, transform: Any, recipe: Recipe, seed: int) -> None:
        self._reader, self._transform, self._seed = reader, transform, seed
        self._channels, self._size = recipe.in_channels, recipe.resolution

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int, int]:
        epoch, row = key
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of PIL, about metadata
                pixels = self._reader.read(row, self._channels)
        except (OSError, SyntaxError, ValueError, EOFError):
            return torch.zeros(self._channels, self._size, self._size, dtype=torch.uint8), -1, row
        image = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self._seed, "image", epoch, row))
            return self._transform(image), int(self._reader.labels[row]), row


def _training_transform(recipe: Recipe) -> Any:
    from torchvision.transforms import v2

    options, size = recipe.augmentation, recipe.resolution
    steps: list[Any] = []
    if options.random_area is not None:
        steps.append(v2.RandomResizedCrop(size, options.random_area, options.random_aspect, antialias=True))
    else:
        steps += [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    if options.crop_padding:
        fill = [round(255 * mean) for mean in recipe.data.mean]
        steps.append(v2.RandomCrop(size, padding=options.crop_padding, fill=fill))
    if options.flip:
        steps.append(v2.RandomHorizontalFlip())
    if options.automatic != "none":
        steps.append(policy_transform(options.automatic))
    return v2.Compose(steps)


def _evaluation_transform(recipe: Recipe) -> Any:
    from torchvision.transforms import v2

    shorter = recipe.augmentation.evaluation_resize or math.ceil(recipe.resolution * 256 / 224)
    return v2.Compose([v2.Resize(shorter, antialias=True), v2.CenterCrop(recipe.resolution)])

"""Batches of images that are cropped and augmented one by one, in loader processes.

Each image is augmented with numbers that depend on (seed, epoch, image) alone, so workers never change a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Normalise, policy_transform
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.images import ImageParts, ImageSet
from dsx.training.data.loader import Loader
from dsx.training.streams import derive, generator


class Imagewise(Batches):
    """Images of any shape, as 8-bit values, from files or an own data set, in memory or not."""

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, share: BatchShare, parts: ImageParts) -> None:
        super().__init__(recipe, seed, device, share, parts)
        self._normalise = Normalise(recipe, device, scale=255.0)
        self._loader = self._load(parts.training, _training_transform(recipe))
        self._held_loader = self._load(parts.evaluation, evaluation_transform(recipe))

    def _load(self, images: ImageSet, transform: Callable[[Tensor], Tensor]) -> Loader:
        blank = torch.zeros(self.recipe.in_channels, self.recipe.resolution, self.recipe.resolution, dtype=torch.uint8)
        finish = _Transformed(transform, self.seed)
        return Loader(
            images, finish, blank, self.seed, self.recipe.data.workers, self.device, note=self.note_unreadable
        )

    def training(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        plan = self._training_steps(epoch, first_step)
        for step, batch in enumerate(self._loader.batches(plan), start=first_step):
            yield self._placed(*batch, generator(self.seed, "lighting", epoch, step))

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._held_loader.batches(self._evaluation_steps()):
            yield self._placed(*batch)

    def _placed(self, images: Tensor, labels: Tensor, draws: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        readable = labels >= 0
        if not readable.all():
            images, labels = images[readable], labels[readable]
        images = images.to(self.device, non_blocking=True).permute(0, 2, 3, 1)
        images = images.contiguous() if self.recipe.channels_last else images
        return self._finished(self._normalise(images, draws)), labels.to(self.device, non_blocking=True)

    def close(self) -> None:
        self._loader.close()
        self._held_loader.close()


class _Transformed:
    """(pixels, epoch, row) → (channels, size, size) uint8 after the transform."""

    def __init__(self, transform: Callable[[Tensor], Tensor], seed: int) -> None:
        self._transform, self._seed = transform, seed

    def __call__(self, pixels: np.ndarray, epoch: int, row: int) -> Tensor:
        if pixels.dtype != np.uint8:
            pixels = np.rint(pixels * 255).clip(0, 255).astype(np.uint8)
        image = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive(self._seed, "image", epoch, row))
            transformed: Tensor = self._transform(image)
        return transformed


def _training_transform(recipe: Recipe) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import v2

    options, size = recipe.augmentation, recipe.resolution
    steps: list[Callable[[Tensor], Tensor]] = []
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


def evaluation_transform(recipe: Recipe) -> Callable[[Tensor], Tensor]:
    """(channels, height, width) uint8 → the centre of the image once its shorter side is resized."""
    from torchvision.transforms import v2

    shorter = recipe.augmentation.evaluation_resize or math.ceil(recipe.resolution * 256 / 224)
    return v2.Compose([v2.Resize(shorter, antialias=True), v2.CenterCrop(recipe.resolution)])

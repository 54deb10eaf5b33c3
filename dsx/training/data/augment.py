"""Augmentation of whole batches on the device, and mixing of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dsx.networks.torch_private import standard_gamma
from dsx.recipes.recipe import Recipe
from dsx.training.streams import derive, generator

# principal components of ImageNet's RGB values (AlexNet; values as in the paper authors' code)
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


class Normalise:
    """(n, height, width, channels) stored values → float32 with the recipe's mean and std taken out.

    scale: the stored value that means 1.
    """

    def __init__(self, recipe: Recipe, device: torch.device, scale: float) -> None:
        mean, std = (torch.tensor(v, device=device, dtype=torch.float32) for v in (recipe.data.mean, recipe.data.std))
        self._factor, self._offset, self._std = 1.0 / (scale * std), -mean / std, std
        self._lighting = recipe.augmentation.lighting

    def __call__(self, images: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """draws: for training images, whence the colour noise comes."""
        offset, width = self._offset, images.shape[2]
        if self._lighting and draws is not None:
            noise = lighting_noise(len(images), self._lighting, draws).to(images.device, non_blocking=True)
            offset = (offset + noise / self._std)[:, None, None, :]
        # whole lines at a time: a CPU is up to ten times as fast as over lines of three channels
        lines = images.to(torch.float32).flatten(2)
        offset = offset.expand(*offset.shape[:-2], width, -1).flatten(-2)
        return torch.addcmul(offset, lines, self._factor.repeat(width)).view(images.shape)


def lighting_noise(count: int, std: float, draws: torch.Generator) -> Tensor:
    """(count, 3) shifts of R, G and B on the scale 0–1: eigenvectors · (α · eigenvalues), α ~ N(0, std²)."""
    alpha = torch.randn(count, 3, generator=draws) * std
    return (alpha * torch.tensor(_EIGENVALUES)) @ torch.tensor(_EIGENVECTORS).T


def apply_policy(images: Tensor, policy: str, seed: tuple[int, int, int]) -> Tensor:
    """torchvision's automatic augmentation, image by image. images: (n, height, width, channels) uint8."""
    transform = policy_transform(policy)
    done = []
    with torch.random.fork_rng(devices=[]):
        for i, image in enumerate(images.permute(0, 3, 1, 2)):
            torch.default_generator.manual_seed(derive(*seed, "policy", i))
            done.append(transform(image))
    return torch.stack(done).permute(0, 2, 3, 1)


def policy_transform(policy: str) -> Callable[[Tensor], Tensor]:
    """The torchvision transform of that name."""
    from torchvision.transforms import v2

    return {"autoaugment": v2.AutoAugment, "randaugment": v2.RandAugment, "trivialaugment": v2.TrivialAugmentWide}[
        policy
    ]()


class Mixed(NamedTuple):
    """A batch after mixing: image i is `share` of itself (label targets[i]) and 1 − share of partners[i]'s."""

    images: Tensor
    targets: Tensor
    partners: Tensor | None = None
    share: float = 1.0

    def split(self, size: int) -> list[Mixed]:
        """Consecutive parts of `size` images; the last may have fewer."""
        partners = [None] * len(self.targets) if self.partners is None else torch.split(self.partners, size)
        return [
            Mixed(images, targets, others, self.share)
            for images, targets, others in zip(
                torch.split(self.images, size), torch.split(self.targets, size), partners, strict=False
            )
        ]


def mix(images: Tensor, targets: Tensor, recipe: Recipe, seed: int, epoch: int, step: int) -> Mixed:
    """Mixup or cutmix of a batch with itself shifted by one image, as the recipe says; else the batch as it is."""
    alpha, cut_alpha = recipe.augmentation.mixup, recipe.augmentation.cutmix
    if not (alpha or cut_alpha) or len(targets) < 2:
        return Mixed(images, targets)
    draws = generator(seed, "mix", epoch, step)
    cut = bool(cut_alpha) and (not alpha or torch.rand((), generator=draws).item() < 0.5)
    share = _beta(cut_alpha if cut else alpha, draws)
    partner = images.roll(1, 0)
    if not cut:
        return Mixed(images.lerp(partner, 1.0 - share), targets, targets.roll(1, 0), share)
    height, width = images.shape[2:]
    top, bottom = _side(height, share, draws)
    left, right = _side(width, share, draws)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = partner[:, :, top:bottom, left:right]
    return Mixed(mixed, targets, targets.roll(1, 0), 1.0 - (bottom - top) * (right - left) / (height * width))


def _beta(alpha: float, draws: torch.Generator) -> float:
    """A draw of Beta(α, α): X / (X + Y) with X, Y ~ Gamma(α)."""
    x, y = standard_gamma(torch.full((2,), alpha, dtype=torch.float64), draws).tolist()
    return x / (x + y) if x + y > 0 else 0.5


def _side(length: int, share: float, draws: torch.Generator) -> tuple[int, int]:
    """First and last+1 pixel of a box of √(1 − share) · length around a uniform centre, cut at the image's edge."""
    half = length * (1.0 - share) ** 0.5 / 2
    centre = torch.randint(length, (), generator=draws).item()
    return max(0, round(centre - half)), min(length, round(centre + half))

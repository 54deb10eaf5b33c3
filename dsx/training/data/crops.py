"""Whole batches at one size: images of one shape, and crops of random area, with where they lie.

Crops follow the law of torchvision's RandomResizedCrop. All resizing is bilinear and antialiased.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_TRIES = 10


class Boxes(NamedTuple):
    """Crops, each (n,) int64: the first line and column, and the size. mirrored: (n,) whether left and right change."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    mirrored: Tensor

    def each(self) -> Iterator[tuple[int, ...]]:
        """One crop after another."""
        return zip(*(part.tolist() for part in self), strict=True)


class CropDraws(NamedTuple):
    """Uniform numbers in [0, 1) for the crops of a batch. shapes: (n, tries, 2). places: (n, 2). mirrors: (n,)."""

    shapes: Tensor
    places: Tensor
    mirrors: Tensor

    @classmethod
    def of(cls, count: int, draws: torch.Generator) -> CropDraws:
        """Numbers for `count` images."""
        shapes = torch.rand(count, _TRIES, 2, generator=draws, dtype=torch.float64)
        places = torch.rand(count, 2, generator=draws, dtype=torch.float64)
        return cls(shapes, places, torch.rand(count, generator=draws, dtype=torch.float64))


def random_boxes(
    height: Tensor, width: Tensor, area: tuple[float, float], aspect: tuple[float, float], draws: CropDraws, flip: bool
) -> Boxes:
    """A crop of each image of (n,) heights and widths: the first of ten tries that fits.

    Its share of the area is uniform in `area`, its width / height log-uniform in `aspect`, both before rounding to
    pixels. If none fits: the largest central crop with an aspect within `aspect`.
    """
    low, high = (math.log(ratio) for ratio in aspect)
    target = (height * width)[:, None] * (area[0] + (area[1] - area[0]) * draws.shapes[..., 0])
    ratio = torch.exp(low + (high - low) * draws.shapes[..., 1])
    tried_width, tried_height = torch.sqrt(target * ratio).round().long(), torch.sqrt(target / ratio).round().long()
    fits = (tried_width <= width[:, None]) & (tried_height <= height[:, None]) & (tried_width > 0) & (tried_height > 0)
    first = fits.byte().argmax(1, keepdim=True)
    any_fits = fits.any(1)
    aspect_given = width / height
    central_width = torch.where(aspect_given > aspect[1], (height * aspect[1]).round().long(), width)
    central_height = torch.where(aspect_given < aspect[0], (width / aspect[0]).round().long(), height)
    box_width = torch.where(any_fits, tried_width.gather(1, first)[:, 0], central_width)
    box_height = torch.where(any_fits, tried_height.gather(1, first)[:, 0], central_height)
    spare = torch.stack([height - box_height, width - box_width], 1)
    place = torch.where(any_fits[:, None], (draws.places * (spare + 1)).long(), spare // 2)
    return Boxes(place[:, 0], place[:, 1], box_height, box_width, mirrored(draws, flip))


def central_boxes(height: Tensor, width: Tensor, draws: CropDraws, flip: bool) -> Boxes:
    """The largest central square of each image."""
    side = torch.minimum(height, width)
    return Boxes((height - side) // 2, (width - side) // 2, side, side, mirrored(draws, flip))


def mirrored(draws: CropDraws, flip: bool) -> Tensor:
    """(n,): half of them, if images are to be flipped at all."""
    return draws.mirrors < (0.5 if flip else 0.0)


def resized(images: Tensor, size: int) -> Tensor:
    """(n, height, width, channels) → (n, size, size, channels), bytes rounded; the same image by image on the CPU."""
    if images.shape[1:3] == (size, size):
        return images
    planes = images.permute(0, 3, 1, 2)
    chunks = [
        torch.nn.functional.interpolate(chunk.float(), (size, size), mode="bilinear", antialias=True)
        for chunk in torch.split(planes, 4096)
    ]
    planes = torch.cat(chunks)
    planes = planes.round().clamp(0, 255).to(images.dtype) if images.dtype == torch.uint8 else planes
    return planes.permute(0, 2, 3, 1).contiguous()


def resized_crops(crops: Tensor, height: Tensor, width: Tensor, mirrored: Tensor, size: int) -> Tensor:
    """(n, size, size, channels) uint8 of the upper left height × width pixels of each of the crops.

    crops: (n, most lines, most columns, channels) uint8. Two products with matrices of weights for the whole batch.
    Within 1 of 255 of torch's own antialiased interpolation of uint8, which rounds after each of the two directions.
    """
    # tensor cores; whole numbers up to 255 and weights of eleven bits
    dtype = torch.float16 if crops.device.type == "cuda" else torch.float32
    lines = _weights(height, size, crops.shape[1])
    columns = _weights(width, size, crops.shape[2])
    columns = torch.where(mirrored[:, None, None], columns.flip(1), columns)
    planes = crops.permute(0, 3, 1, 2).to(dtype)
    shrunk = lines.to(dtype)[:, None] @ planes @ columns.to(dtype).mT[:, None]
    return shrunk.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _weights(length: Tensor, size: int, most: int) -> Tensor:
    """(n, size, most): what each of `length` pixels counts in each of `size`, as torch's antialiased interpolation."""
    scale = (length / size)[:, None, None]
    support = scale.clamp(min=1.0)
    centre = (torch.arange(size, device=length.device)[None, :, None] + 0.5) * scale
    pixel = torch.arange(most, device=length.device)
    weights = (1 - ((pixel + 0.5 - centre) / support).abs()).clamp(min=0) * (pixel < length[:, None, None])
    return weights / weights.sum(2, keepdim=True)

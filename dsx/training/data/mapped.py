"""Prepared images, a batch at a time: threads copy crops out of mapped memory, the device does the rest.

There are no processes: what a thread does is copying and, where the CPU trains, resizing, and both leave Python alone.
A crop depends on (seed, epoch, step, place in the batch) alone, so threads never change a result.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dsx.training.data.batches import Batches, BatchStep
from dsx.training.data.crops import Boxes, CropDraws, central_boxes, random_boxes, resized, resized_crops
from dsx.training.data.imagewise import evaluation_transform
from dsx.training.data.pixels import Unreadable
from dsx.training.data.prepared import PreparedImages
from dsx.training.streams import generator

# a thread copies tens of thousands of crops a second: more of them only help where images come from a slow disk
_MOST_THREADS = 4


class _MappedRead(NamedTuple):
    """A batch in the host's memory."""

    images: Tensor  # (n, height, width, channels) uint8, of which `boxes` says what counts
    boxes: Boxes | None  # None if the images have the recipe's size
    labels: Tensor  # −1 of unreadable ones
    unreadable: list[tuple[str, str]]  # name and why


class MappedImages:
    """Batches of one part's images at the recipe's resolution, cropped if the recipe crops images one by one.

    mirrors: whether the crops of training images are mirrored here.
    """

    def __init__(self, images: PreparedImages, batches: Batches, training: bool, *, mirrors: bool) -> None:
        self._images, self._batches, self._recipe, self._device = images, batches, batches.recipe, batches.device
        self._crops, self._mirrors = training and batches.recipe.imagewise, mirrors
        # where bytes can be interpolated as they are: elsewhere the device does it
        self._resizes = self._device.type == "cpu"
        self._evaluated = evaluation_transform(batches.recipe)
        workers = batches.recipe.data.workers
        if workers is None:
            workers = 1 if self._device.type == "cpu" else min(_MOST_THREADS, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(workers, "dsx-images") if workers else None
        self._ahead = workers + 1

    def batches(self, plan: Sequence[BatchStep]) -> Iterator[tuple[Tensor, Tensor]]:
        """(images (n, size, size, channels) uint8, labels in the host's memory) of each step; −1: not readable."""
        for images, boxes, labels, unreadable in self._reads(plan):
            if unreadable:
                self._batches.note_unreadable(unreadable)
            if boxes is None:
                yield images, labels
                continue
            height, width, mirrored = (self._sent(numbers) for numbers in boxes[2:])
            yield resized_crops(self._sent(images), height, width, mirrored, self._recipe.resolution), labels

    def _reads(self, plan: Sequence[BatchStep]) -> Iterator[_MappedRead]:
        """In the plan's order, some ahead of what is asked for."""
        if self._threads is None:
            yield from map(self._read, plan)
            return
        steps = iter(plan)
        coming: deque[Future[_MappedRead]] = deque(
            self._threads.submit(self._read, s) for s in islice(steps, self._ahead)
        )
        while coming:
            read = coming.popleft().result()
            coming.extend(self._threads.submit(self._read, step) for step in islice(steps, 1))
            yield read

    def _read(self, step: BatchStep) -> _MappedRead:
        rows, unreadable = step.rows.numpy(), []
        pixels: list[np.ndarray] = []
        labels = torch.from_numpy(self._images.labels[rows])
        for place, row in enumerate(rows.tolist()):
            try:
                pixels.append(self._images.read(row))
            except Unreadable as error:
                unreadable.append((self._images.name(row), str(error)))
                pixels.append(np.zeros((1, 1, self._images.channels), np.uint8))
                labels[place] = -1
        boxes = self._boxes(step, pixels) if self._crops else None
        if boxes is None:
            images = self._pinned(torch.stack([self._whole(image) for image in pixels])).permute(0, 2, 3, 1)
        elif self._resizes:
            images, boxes = self._resized(pixels, boxes), None
        else:
            images, boxes = self._copied(pixels, boxes), Boxes(*(self._pinned(numbers) for numbers in boxes))
        return _MappedRead(images, boxes, self._pinned(labels), unreadable)

    def _boxes(self, step: BatchStep, pixels: Sequence[np.ndarray]) -> Boxes:
        options, batches = self._recipe.augmentation, self._batches
        # numbers for the whole batch, then shared out: the same on any number of devices
        draws = CropDraws.of(batches.batch_size, generator(batches.seed, "area", step.epoch, step.number))
        draws = CropDraws(*(numbers[batches.share.of(batches.batch_size)] for numbers in draws))
        height, width = (torch.tensor([image.shape[axis] for image in pixels]) for axis in (0, 1))
        flip = options.flip and self._mirrors
        if options.random_area is None:
            return central_boxes(height, width, draws, flip)
        return random_boxes(height, width, options.random_area, options.random_aspect, draws, flip)

    def _whole(self, image: np.ndarray) -> Tensor:
        """(channels, size, size) of an image that is not cropped at random."""
        if self._recipe.imagewise:
            evaluated: Tensor = self._evaluated(torch.from_numpy(np.array(image)).permute(2, 0, 1))
            return evaluated
        return resized(torch.from_numpy(np.array(image))[None], self._recipe.resolution)[0].permute(2, 0, 1)

    def _resized(self, pixels: Sequence[np.ndarray], boxes: Boxes) -> Tensor:
        """The crops at the resolution, by torch's own interpolation of bytes, which only CPUs have."""
        size = (self._recipe.resolution, self._recipe.resolution)
        resized_images = torch.empty(len(pixels), *size, self._images.channels, dtype=torch.uint8)
        for i, (image, (top, left, height, width, mirrored)) in enumerate(zip(pixels, boxes.each(), strict=True)):
            # a batch of one by torch, whose strides then say that channels come last: twice as fast
            crop = torch.from_numpy(np.array(image[top : top + height, left : left + width])).unsqueeze(0)
            planes = (crop.flip(2) if mirrored else crop).permute(0, 3, 1, 2)
            shrunk = torch.nn.functional.interpolate(planes, size, mode="bilinear", antialias=True)
            resized_images[i] = shrunk[0].permute(1, 2, 0)
        return resized_images

    def _copied(self, pixels: Sequence[np.ndarray], boxes: Boxes) -> Tensor:
        """(n, most lines, most columns, channels): the crops, each in the upper left."""
        shape = len(pixels), int(boxes.height.max()), int(boxes.width.max()), self._images.channels
        copied = torch.empty(shape, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        into = copied.numpy()
        for i, (image, (top, left, height, width, _)) in enumerate(zip(pixels, boxes.each(), strict=True)):
            into[i, :height, :width] = image[top : top + height, left : left + width]
        return copied

    def _sent(self, tensor: Tensor) -> Tensor:
        """On the device, without a wait of the host."""
        return tensor.to(self._device, non_blocking=True)

    def _pinned(self, tensor: Tensor) -> Tensor:
        """Where a GPU fetches it from by itself."""
        return tensor.pin_memory() if self._device.type == "cuda" else tensor

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

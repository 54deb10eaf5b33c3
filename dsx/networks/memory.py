"""Memory of feature maps, in closed form, for one network or for many: what a pass holds, weights apart.

  inference_memory  bytes of all feature maps that are alive at once at the worst moment of a pass in evaluation mode,
                    the images among them.
  training_memory   bytes of all that the forward pass of a training step keeps for its backward pass: images, inputs of
                    convs, batch norms and activations, the batch's statistics. Gradients come and go on top of it.

For float32 and torch's eager execution, in which a stage's input lives as long as the stage, a block's as long as the
block; activations but GELU work in place, and SiLU keeps a copy of what it overwrites.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dsx.base.errors import DefinitionError
from dsx.networks.architecture import ArchitectureTable
from dsx.networks.cost import MEMORIES, Memory
from dsx.networks.layers import BLOCKS, STEMS, USER_BLOCKS, Conv, Pool, Size, inner_width, squeeze_width

_BYTES = 4  # of a float32
_INDEX = 2  # what a max-pool notes for each output, an 8-byte integer, in float32


class _Held:
    """A pass in progress, in elements: at most so many were alive at once, so many are kept for the backward pass."""

    def __init__(self, images: Size, batch: int, activation: str) -> None:
        self.most: Size = images
        self.kept: Size = images
        self.batch, self.copies = batch, activation != "relu"

    def alive(self, elements: Size, present: Size = 1) -> None:
        """At some moment, all of these; present: 0 where a network has no such moment."""
        self.most = np.maximum(self.most, elements * present)

    def normalised(self, base: Size, before: Size, width: Size, area: Size, present: Size = 1) -> Size:
        """A conv that makes (width, area) of `before`, and its batch norm, beside `base`; elements of the output."""
        out = self.batch * width * area
        self.alive(base + before + out, present)
        self.alive(base + 2 * out, present)
        # what batch norm gets, its batch's mean and deviation
        self.kept = self.kept + (out + 2 * width) * present
        return out

    def activated(self, out: Size, read: bool = True) -> None:
        """An activation. read: whether a conv, a product or a max-pool has its output for input, and so keeps it."""
        self.kept = self.kept + (out if not self.copies else out * (1 + read))


def memory_table(table: ArchitectureTable, resolution: Size = 224, batch: int = 1) -> Memory:
    """Both memories of every architecture of a table, for batches of so many images: two (n,) int64 arrays.

    Raises DefinitionError that names a block whose module is a user's own: what it holds cannot be told from its list.
    """
    for name in table.blocks:
        if name in USER_BLOCKS and USER_BLOCKS[name].module is not None:
            raise DefinitionError(
                f"block '{name.partition('@')[0]}': its memory is not known, as it has a module of its own; leave"
                f" {' and '.join(MEMORIES)} out of rules and constraints"
            )
    images = batch * table.in_channels * resolution**2 * np.ones(len(table), dtype=np.int64)
    held = _Held(images, batch, table.activation)
    height, width, out = _stem(held, table, images, resolution)
    for i, name in enumerate(table.blocks):
        block, depth = BLOCKS[name], table.depth[:, i]
        present, w, stride = depth > 0, table.width[:, i], table.stride[:, i]
        inner = inner_width(w, table.bottleneck_ratio[:, i])
        groups = inner // table.group_width[:, i] if block.grouped else 1
        after, se_ratio = (height - 1) // stride + 1, table.se_ratio[:, i]
        result = batch * w * after**2
        first = block.convs(width, w, inner, groups, stride, squeeze_width(width, se_ratio))
        later = block.convs(w, w, inner, groups, 1, squeeze_width(w, se_ratio))
        linear = name == "linear_bottleneck"
        _block(held, first, images + out, (height, after), (present * 1, 1), linear)
        _block(held, later, images + out + result, (after, after), ((depth > 1) * 1, depth - 1), linear)
        height, width = np.where(present, after, height), np.where(present, w, width)
        out = np.where(present, result, out)
    _head(held, table, out, images + out, width, height)
    return Memory(_BYTES * held.most, _BYTES * held.kept)


def _stem(held: _Held, table: ArchitectureTable, images: Size, resolution: Size) -> tuple[Size, Size, Size]:
    """Height, width and elements of the stem's output."""
    height, out = resolution, images
    for layer in STEMS[table.stem].layers(table.in_channels, table.stem_width):
        height = (height - 1) // layer.stride + 1
        if isinstance(layer, Pool):
            pooled = held.batch * layer.width * height**2
            held.alive(images + out + pooled * (1 + _INDEX))
            held.kept = held.kept + pooled * (1 + _INDEX)
            out = pooled
        else:
            # the first conv reads the images themselves
            out = held.normalised(images, 0, layer.w_out, height**2)
            held.activated(out)
    return height, table.stem_width, out


def _block(
    held: _Held, convs: Iterable[Conv], base: Size, heights: tuple[Size, Size], times: tuple[Size, Size], linear: bool
) -> None:
    """A block beside `base`, its input included. heights: of its input and output. times: 1 where there is one, and how
    many there are. linear: whether no activation follows its last conv.
    """
    present, count = times
    listed = list(convs)
    kept_before, held.kept = held.kept, 0
    beside, before = base, 0
    for conv in listed:
        if conv.name == "proj":
            beside = base + conv.present * held.normalised(base, 0, conv.w_out, heights[1] ** 2, conv.present * present)
    for conv in listed:
        if conv.name == "se.reduce":
            _squeezed(held, conv, beside, before, present)
        elif conv.name not in ("proj", "se.expand"):
            area = (heights[0] if conv.height == "in" else heights[1]) ** 2
            before = held.normalised(beside, before, conv.w_out, area, present)
            if linear and conv is listed[-1]:
                held.kept = held.kept + before
            else:
                held.activated(before)
    held.kept = kept_before + held.kept * count * (present > 0)


def _squeezed(held: _Held, reduce: Conv, beside: Size, x: Size, present: Size) -> None:
    """Squeeze-and-excitation of x: means, two convs on them, a gate, and the product, which takes the place of x."""
    used = reduce.present * present
    means, squeezed = held.batch * reduce.w_in, held.batch * reduce.w_out
    held.alive(beside + x + 2 * means + np.maximum(squeezed, means), used)
    held.alive(beside + 2 * x + means, used)
    held.kept = held.kept + (2 * means + squeezed + x) * reduce.present


def _head(held: _Held, table: ArchitectureTable, x: Size, base: Size, width: Size, height: Size) -> None:
    """A conv where the head has one, the mean and the classifier, beside `base`, x included."""
    if table.head_width:
        out = held.normalised(base, 0, table.head_width, height**2)
        held.activated(out, read=False)
        base, width = base + out, table.head_width
    elif table.activation != "relu" or table.blocks[-1] == "linear_bottleneck":
        held.kept = held.kept - x  # which the mean alone reads, and need not keep
    held.alive(base + held.batch * (width + table.num_classes))
    held.kept = held.kept + held.batch * width

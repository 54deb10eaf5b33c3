"""Memory of feature maps, in closed form, for one network or for many: what a pass holds, weights apart.

  inference_memory  bytes of all feature maps that are alive at once at the worst moment of a pass in evaluation mode,
                    the images among them.
  training_memory   the same of a training step, forward and backward pass: images, what is kept for the backward pass
                    (inputs of convs, batch norms and activations, the batch's statistics), gradients of feature maps,
                    the network's output and its gradient, from which the backward pass begins.

Gradients of weights, like weights, are apart. For float32 and torch's eager execution. There a stage's input lives as
long as the stage, a block's as long as the block; activations but GELU work in place, and SiLU keeps a copy of what it
overwrites. In the backward pass each operation makes the gradients of its inputs beside that of its output, then what
it kept is free; of two gradients of one feature map the second is added to the first in place. As a gradient is as
large as its feature map, and what is kept grows with the forward pass, the worst moment of a step is in its backward
pass: `_Held` looks at each operation of it when the forward pass comes by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dsx.base.errors import DefinitionError
from dsx.networks.architecture import ArchitectureTable
from dsx.networks.complexity import output_height, stage_blocks
from dsx.networks.cost import MEMORIES, Memory
from dsx.networks.layers import STEMS, USER_BLOCKS, Conv, Pool, Size

_BYTES = 4  # of a float32
_INDEX = 2  # what a max-pool notes for each output, an 8-byte integer, in float32


class _Held:
    """A pass in progress, in elements: at most so many were alive at once, so many are kept for the backward pass.

    step: at most so many will be alive at once in it. waiting: gradient that waits in it for another one while what
    comes now is gone through: of a block's output for the shortcut, of its input for the projection.
    """

    def __init__(self, images: Size, batch: int, activation: str) -> None:
        self.most: Size = images
        self.kept: Size = images
        self.step: Size = 0
        self.waiting: Size = 0
        self.batch, self.copies = batch, activation != "relu"

    def alive(self, elements: Size, present: Size = 1) -> None:
        """At some moment, all of these; present: 0 where a network has no such moment."""
        self.most = np.maximum(self.most, elements * present)

    def goes_back(self, gradients: Size, present: Size = 1, last: bool = False) -> None:
        """The backward pass of an operation makes so many beside what is kept up to it.

        last: of a block, where the gradient of its output is one of them and does not wait as well.
        """
        self.step = np.maximum(self.step, (self.kept + gradients + (0 if last else self.waiting)) * present)

    def normalised(
        self, base: Size, before: Size, source: Size, out: Size, width: Size, present: Size = 1, last: bool = False
    ) -> None:
        """A conv and its batch norm that make `out` elements beside `base` and `before`, which it makes them of.

        source: elements of its input of which it makes a gradient.
        """
        self.alive(base + before + out, present)
        self.alive(base + 2 * out, present)
        self.goes_back(out + source, present)
        # what batch norm gets, its batch's mean and deviation
        self.kept = self.kept + (out + 2 * width) * present
        self.goes_back(2 * out, present, last)

    def activated(self, out: Size, present: Size = 1, read: bool = True, last: bool = False) -> None:
        """An activation. read: whether a conv, a product or a max-pool has its output for input, and so keeps it."""
        self.kept = self.kept + out
        self.goes_back(2 * out, present, last)
        if self.copies and read:
            self.kept = self.kept + out


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
    for i, stage in enumerate(stage_blocks(table, width, height)):
        depth, w, after = table.depth[:, i], table.width[:, i], stage.h_out
        result = batch * w * after**2
        linear = table.blocks[i] == "linear_bottleneck"
        same = (width == w) & (table.stride[:, i] == 1) if linear else True
        around = _Around(images + out, out, stage.h_in, result, after, same, linear)
        _block(held, stage.first, around, ((depth > 0) * 1, 1))
        around = _Around(images + out + result, result, after, result, after, True, linear)
        _block(held, stage.later, around, ((depth > 1) * 1, depth - 1))
        width, height, out = stage.width, stage.height, np.where(depth > 0, result, out)
    _head(held, table, out, images + out, width, height)
    step = held.step + 2 * batch * table.num_classes
    return Memory(_BYTES * held.most, _BYTES * step)


def _stem(held: _Held, table: ArchitectureTable, images: Size, resolution: Size) -> tuple[Size, Size, Size]:
    """Height, width and elements of the stem's output."""
    height, out, source = resolution, images, 0  # the first conv reads the images, which need no gradient
    for layer in STEMS[table.stem].layers(table.in_channels, table.stem_width):
        height = output_height(height, layer.stride)
        made = held.batch * table.stem_width * height**2
        if isinstance(layer, Pool):
            held.alive(images + out + made * (1 + _INDEX))
            held.kept = held.kept + made * _INDEX
            held.goes_back(made + out)
            held.kept = held.kept + made
        else:
            held.normalised(images, 0, source, made, table.stem_width)
            held.activated(made)
        out = source = made
    return height, table.stem_width, out


class _Around(NamedTuple):
    """Of a block: elements of what is alive beside it, of its input and output, heights of both, whether its input is
    added to its output as it is unless a `proj` is listed, and whether no activation follows its last conv.
    """

    base: Size
    x: Size
    height: Size
    result: Size
    after: Size
    shortcut: Size
    linear: bool


def _block(held: _Held, convs: Iterable[Conv], around: _Around, times: tuple[Size, Size]) -> None:
    """A block. times: 1 where there is one, and how many of it there are, one after another."""
    present, count = times
    listed = list(convs)
    before_it, held.kept, held.step = (held.kept, held.step), 0, 0
    beside, before, source = around.base, 0, around.x
    projections = [conv for conv in listed if conv.name == "proj"]
    for conv in projections:
        held.waiting = around.x
        used = conv.present * present
        held.normalised(around.base, 0, around.x, around.result, conv.w_out, used)
        beside = around.base + conv.present * around.result
    held.waiting = around.result * around.shortcut * (bool(projections) or around.linear)
    for conv in listed:
        last = conv is listed[-1]
        if conv.name == "se.reduce":
            _squeezed(held, conv, beside, before, present)
        elif conv.name not in ("proj", "se.expand"):
            out = held.batch * conv.w_out * (around.height if conv.height == "in" else around.after) ** 2
            held.normalised(beside, before, source, out, conv.w_out, present, last)
            if around.linear and last:
                held.kept = held.kept + out
            else:
                held.activated(out, present, last=last)
            before = source = out
    held.waiting = 0
    kept, step = before_it
    last_one = kept + held.kept * (count - 1) + held.step
    held.kept, held.step = kept + held.kept * count * (present > 0), np.maximum(step, last_one * (present > 0))


def _squeezed(held: _Held, reduce: Conv, beside: Size, x: Size, present: Size) -> None:
    """Squeeze-and-excitation of x: means, two convs on them, a gate, and the product, which takes the place of x."""
    used = reduce.present * present
    means, squeezed = held.batch * reduce.w_in, held.batch * reduce.w_out
    held.alive(beside + x + 2 * means + np.maximum(squeezed, means), used)
    held.alive(beside + 2 * x + means, used)
    held.kept = held.kept + (2 * means + squeezed) * reduce.present
    # of the product, of x, and of the gate, at first for each element
    held.goes_back(3 * x + means, used)
    held.kept = held.kept + x * reduce.present


def _head(held: _Held, table: ArchitectureTable, x: Size, base: Size, width: Size, height: Size) -> None:
    """A conv where the head has one, the mean and the classifier, beside `base`, x included."""
    if table.head_width:
        out = held.batch * table.head_width * height**2
        held.normalised(base, 0, x, out, table.head_width)
        held.activated(out, read=False)
        base, width, x = base + out, table.head_width, out
    elif table.activation != "relu" or table.blocks[-1] == "linear_bottleneck":
        held.kept = held.kept - x  # which the mean alone reads, and need not keep
    held.alive(base + held.batch * (width + table.num_classes))
    held.goes_back(held.batch * width + x)

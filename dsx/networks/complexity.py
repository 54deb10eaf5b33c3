"""Flops, parameters and activations in closed form: exact integers, for one network or for many.

The convention, cited everywhere in dsx (RegNet §3.2 and the authors' code):
  flops   multiply-adds of convs (bias included where there is one) and of the classifier;
          batch norm, activation and pooling count 0.
  params  weights, biases, and 2 per channel for batch norm.
  acts    elements of the outputs of all convs (squeeze-and-excitation included), of the stem's
          max-pool, and of the classifier.
Check: RegNetX-400MF at 224 is 397,678,568 flops, 5,157,512 params, 3,143,272 acts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dsx.base.errors import check_whole
from dsx.networks.architecture import Architecture, ArchitectureTable, check_network
from dsx.networks.baselines import Baseline, baseline_complexity
from dsx.networks.cost import METRICS, Complexity, total
from dsx.networks.layers import BLOCKS, STEMS, Conv, Pool, Size, inner_width, squeeze_width
from dsx.networks.user import UserNetwork, user_complexity


@dataclass(frozen=True)
class LayerCost:
    """One row of the per-layer table: where the layer sits, its shape, output height and cost."""

    stage: str
    block: int
    layer: str
    kernel: int
    w_in: int
    w_out: int
    groups: int
    stride: int
    resolution: int
    complexity: Complexity


def complexity(architecture: Architecture | Baseline | UserNetwork, resolution: int = 224) -> Complexity:
    """Exact flops, params and acts of one network on images of resolution × resolution.

    A user's network has its own input, whatever the resolution. Raises DsxError for a resolution that is no integer, or
    too small for the network's strides, and for what is no description of a network.
    """
    check_network(architecture)
    check_whole("resolution", resolution, 1, 2**31, "an integer from 1 to 2^31 − 1")
    if isinstance(architecture, UserNetwork):
        return user_complexity(architecture)
    if isinstance(architecture, Baseline):
        return baseline_complexity(architecture, resolution)
    architecture.check_resolution(resolution)
    return total(layer.complexity for layer in layers(architecture, resolution))


def complexity_table(table: ArchitectureTable, resolution: Size = 224) -> Complexity:
    """Exact flops, params and acts of every architecture of a table: three (n,) int64 arrays.

    resolution: one integer, or (n,) int64 with one per architecture. Unlike `complexity`, this does not refuse
    a resolution below a network's strides: it counts at least one pixel at every layer.
    """
    return total(_parts(table, resolution))


def stage_complexity_table(table: ArchitectureTable, resolution: Size = 224) -> Complexity:
    """Flops, params and acts of every stage of every architecture: (n, stages) int64, 0 in stages that a network lacks.

    Stem and head are left out. resolution: as `complexity_table` takes it.
    """
    parts = list(_parts(table, resolution))[1:-1]
    columns = ([np.broadcast_to(part[k], len(table)) for part in parts] for k in range(len(METRICS)))
    return Complexity(*(np.stack(column, axis=1) for column in columns))


def layer_groups(
    table: ArchitectureTable, resolution: Size
) -> Iterator[tuple[int, list[Conv | Pool], Size, Size, Size]]:
    """Every layer of all architectures: (part, layers, height before, height after, how often they are there).

    Parts are counted from 0: the stem, each stage, the head. Sizes are (n,) arrays, or integers where all agree.
    """
    height: Size = resolution
    for layer in STEMS[table.stem].layers(table.in_channels, table.stem_width):
        before, height = height, output_height(height, layer.stride)
        yield 0, [layer], before, height, 1
    width: Size = table.stem_width
    for i, stage in enumerate(stage_blocks(table, width, height)):
        present = table.depth[:, i] > 0
        yield i + 1, [*stage.first], stage.h_in, stage.h_out, present * 1
        yield i + 1, [*stage.later], stage.h_out, stage.h_out, (table.depth[:, i] - 1) * present
        width, height = stage.width, stage.height
    yield len(table.blocks) + 1, [*_head(width, table.head_width, table.num_classes)], height, height, 1


class StageBlocks(NamedTuple):
    """The blocks of one stage of all architectures: convs of the first and of each later one, with heights around them.

    width, height: behind the stage, those before it where an architecture lacks it.
    """

    first: list[Conv]
    later: list[Conv]
    h_in: Size
    h_out: Size
    width: Size
    height: Size


def stage_blocks(table: ArchitectureTable, width: Size, height: Size) -> Iterator[StageBlocks]:
    """Every stage in order. width, height: behind the stem."""
    for i, name in enumerate(table.blocks):
        block, present, w, stride = BLOCKS[name], table.depth[:, i] > 0, table.width[:, i], table.stride[:, i]
        inner, se_ratio = inner_width(w, table.bottleneck_ratio[:, i]), table.se_ratio[:, i]
        groups = inner // table.group_width[:, i] if block.grouped else 1
        out = output_height(height, stride)
        first = block.convs(width, w, inner, groups, stride, squeeze_width(width, se_ratio))
        later = block.convs(w, w, inner, groups, 1, squeeze_width(w, se_ratio))
        before, width, height = height, np.where(present, w, width), np.where(present, out, height)
        yield StageBlocks(first, later, before, out, width, height)


def _parts(table: ArchitectureTable, resolution: Size) -> Iterator[Complexity]:
    """Cost of the stem, of each stage, and of the head: each with (n,) arrays, or integers where all agree."""
    for _, groups in itertools.groupby(layer_groups(table, resolution), key=lambda group: group[0]):
        yield total(
            total(_cost(c, before, after) for c in layers).times(times) for _, layers, before, after, times in groups
        )


def layers(architecture: Architecture, resolution: int = 224) -> Iterator[LayerCost]:
    """Every conv, counted pool and classifier of a network in order, with its cost.

    `resolution` of a row is the height of the layer's output (1 after global pooling).
    """
    height, width = resolution, architecture.in_channels

    def row(stage: str, block: int, layer: Conv | Pool, h_in: int, h_out: int) -> LayerCost:
        # a pool is shaped as a conv of one group
        w_in, w_out, groups = (
            (layer.width, layer.width, 1) if isinstance(layer, Pool) else (layer.w_in, layer.w_out, layer.groups)
        )
        return LayerCost(
            stage,
            block,
            layer.name,
            layer.kernel,
            w_in,
            w_out,
            groups,
            layer.stride,
            resolution=_at(layer, h_in, h_out),
            complexity=_cost(layer, h_in, h_out),
        )

    for layer in STEMS[architecture.stem.type].layers(width, architecture.stem.width):
        height = output_height(height, layer.stride)
        yield row("stem", 1, layer, height, height)
    width = architecture.stem.width
    for i, stage in enumerate(architecture.stages, start=1):
        inner = inner_width(stage.width, stage.bottleneck_ratio)
        groups = inner // stage.group_width if stage.group_width else 1
        for j in range(1, stage.depth + 1):
            stride = stage.stride if j == 1 else 1
            out = output_height(height, stride)
            squeeze = squeeze_width(width, stage.se_ratio)
            for conv in BLOCKS[stage.block].convs(width, stage.width, inner, groups, stride, squeeze):
                if conv.present:
                    yield row(f"stage {i}", j, conv, height, out)
            width, height = stage.width, out
    for conv in _head(width, architecture.head.width, architecture.num_classes):
        yield row("head", 1, conv, height, height)


def _head(width: Size, head_width: int, num_classes: int) -> list[Conv]:
    conv = [Conv("head.conv", 1, width, head_width)] if head_width else []
    # the classifier is a 1×1 conv with bias on the pooled map
    return [*conv, Conv("head.fc", 1, head_width or width, num_classes, bias=True, norm=False, height="pooled")]


def _at(layer: Conv | Pool, h_in: Size, h_out: Size) -> Size:
    """Height of the layer's output."""
    if isinstance(layer, Pool) or layer.height == "out":
        return h_out
    return h_in if layer.height == "in" else 1


def _cost(layer: Conv | Pool, h_in: Size, h_out: Size) -> Complexity:
    """Cost of one layer in a block that maps height h_in to h_out."""
    area = _at(layer, h_in, h_out) ** 2
    if isinstance(layer, Pool):
        return Complexity(0, 0, layer.width * area)
    weights = layer.kernel**2 * layer.w_in * layer.w_out // layer.groups
    bias = layer.w_out if layer.bias else 0
    norm = 2 * layer.w_out if layer.norm else 0
    return Complexity((weights + bias) * area, weights + bias + norm, layer.w_out * area).times(layer.present)


def output_height(height: Size, stride: Size) -> Size:
    """Of a square map behind a layer of that stride."""
    return (height - 1) // stride + 1

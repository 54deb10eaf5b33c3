"""A network in words: its stages and their cost, or every layer."""

from __future__ import annotations

from dsx.base.text import align
from dsx.base.units import format_number
from dsx.networks.architecture import Architecture
from dsx.networks.complexity import LayerCost, complexity, layers
from dsx.networks.cost import METRICS, total
from dsx.networks.lookup import Network, input_shape
from dsx.networks.user import shape_in_words


def describe_network(network: Network, resolution: int, per_layer: bool = False) -> str:
    """Stages (or, per_layer, every conv, counted pool and classifier) with their cost, and exact totals.

    Raises DefinitionError if the resolution is too small.
    """
    costs = complexity(network, resolution)
    parts = []
    if isinstance(network, Architecture):
        rows = list(layers(network, resolution))
        parts.append(_layer_table(rows) if per_layer else _stage_table(network, rows))
    exact = ", ".join(f"{value:,} {name}" for name, value in zip(METRICS, costs, strict=True))
    size = input_shape(network, resolution)
    at = shape_in_words(size[1:] if len(size) == 3 else size)
    parts.append(f"  {exact} at {at}, {network.num_classes} classes")
    return "\n".join(parts)


def _stage_table(network: Architecture, rows: list[LayerCost]) -> str:
    cells = [["", "block", "depth", "width", "stride", "b", "g", "se", "output", *METRICS]]
    for name in dict.fromkeys(row.stage for row in rows):
        layers = [row for row in rows if row.stage == name]
        cost = total(row.complexity for row in layers)
        size = layers[-1].resolution
        if name.startswith("stage"):
            stage = network.stages[int(name.split()[1]) - 1]
            group = str(stage.group_width) if stage.group_width else "–"
            fields = [stage.block, stage.depth, stage.width, stage.stride, f"{stage.bottleneck_ratio:g}", group]
            fields += [f"{stage.se_ratio:g}"]
        else:
            kind = network.stem.type if name == "stem" else "pool, fc"
            stride = rows[0].stride if name == "stem" else "–"
            fields = [kind, 1, layers[-1].w_out, stride, "–", "–", "–"]
        cells.append([name, *map(str, fields), f"{size}×{size}", *(format_number(value) for value in cost)])
    return align(cells, left=2)


def _layer_table(rows: list[LayerCost]) -> str:
    cells = [["", "block", "layer", "kernel", "in", "out", "groups", "stride", "output", *METRICS]]
    for row in rows:
        size = f"{row.resolution}×{row.resolution}"
        shape = [row.kernel, row.w_in, row.w_out, row.groups, row.stride]
        costs = [f"{value:,}" for value in row.complexity]
        cells.append([row.stage, str(row.block), row.layer, *map(str, shape), size, *costs])
    return align(cells, left=3)

"""From settings to architectures, for many at once: stages, group adjustment, complexity."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dsx.base.errors import DsxError
from dsx.base.nested import plain
from dsx.networks.architecture import ArchitectureTable
from dsx.networks.complexity import complexity_table, stage_complexity_table
from dsx.networks.cost import LATENCY, MEMORIES, METRICS, STAGE_METRICS, Complexity
from dsx.networks.groups import adjust_groups
from dsx.networks.latency import DeviceModel
from dsx.networks.layers import BLOCKS, inner_width
from dsx.networks.memory import memory_table
from dsx.networks.user import UserTable
from dsx.spaces.definition import Space
from dsx.spaces.population import RECIPE_PREFIX

# parameters that all networks of one ArchitectureTable share
HEADER = ("stem_type", "block", "activation", "head_width")


@dataclass(frozen=True)
class Assembled:
    """Networks of the rows (indices into the settings) that are valid ones of the family."""

    rows: np.ndarray
    table: ArchitectureTable | UserTable
    resolution: np.ndarray
    device: DeviceModel | None = None


def assemble(space: Space, settings: Mapping[str, np.ndarray]) -> Iterator[Assembled]:
    """Architectures of all settings: one part for each combination of stem type, block, activation and head.

    settings: parameter → (n,) or (n, stages) arrays. Settings that give no network are in no part.
    """
    n = len(next(iter(settings.values())))
    if space.network is not None:
        stages = settings["stages"] if "stages" in settings else np.full(n, space.max_stages)
        its = {name: column for name, column in settings.items() if not name.startswith(RECIPE_PREFIX)}
        table = UserTable(space.network, its, stages, space.input_shape, space.num_classes)
        yield Assembled(np.arange(n), table, np.full(n, space.resolution))
        return
    varying = [name for name in HEADER if name in settings]
    if not varying:
        yield _assemble(space, settings, np.arange(n), {})
        return
    combinations = np.stack([np.unique(settings[name], return_inverse=True)[1] for name in varying], axis=1)
    for combination in np.unique(combinations, axis=0):
        rows = np.flatnonzero((combinations == combination).all(axis=1))
        header = {name: plain(settings[name][rows[0]]) for name in varying}
        yield _assemble(space, {name: column[rows] for name, column in settings.items()}, rows, header)


def _assemble(
    space: Space, settings: Mapping[str, np.ndarray], rows: np.ndarray, header: Mapping[str, object]
) -> Assembled:
    n, most = len(rows), space.max_stages
    stages = settings["stages"] if "stages" in settings else np.full(n, space.stages)
    shapes = space.family_rules.shape(settings, stages, most, space.width_step)
    keep = np.flatnonzero(shapes.valid)
    rows, settings = rows[keep], {name: column[keep] for name, column in settings.items()}
    depth, width = shapes.depth[keep], shapes.width[keep]
    present = depth > 0

    def by_stage(name: str, default: object, dtype: type) -> np.ndarray:
        column: np.ndarray = np.asarray(settings.get(name, default), dtype=dtype)
        if column.ndim == 1 and name in settings:
            column = column[:, None]
        return np.broadcast_to(column, (len(rows), most))

    chosen = header.get("block", space.block)
    written = (chosen,) * most if isinstance(chosen, str) else tuple(chosen)  # type: ignore[arg-type]
    blocks = tuple(space.block_name(name) for name in written)
    counted = "groups" in settings
    ratio, group = (
        by_stage("bottleneck_ratio", 1.0, np.float64),
        by_stage("groups" if counted else "group_width", 1, np.int64),
    )
    if any(BLOCKS[name].bottleneck or BLOCKS[name].grouped for name in blocks):
        # a bottleneck without groups still needs a width that its ratio divides: groups of width 1
        grouped = np.where([BLOCKS[name].grouped for name in blocks], group, 1)
        narrowed = np.where([BLOCKS[name].bottleneck for name in blocks], ratio, 1.0)
        # the inner width becomes a multiple of the groups' width, or of their number, by the same rule
        width, group = adjust_groups(width, narrowed, grouped)
        group = inner_width(width, narrowed) // group if counted else group
    resolution = settings["resolution"] if "resolution" in settings else np.full(len(rows), space.resolution)
    stem_width = settings["stem_width"] if "stem_width" in settings else np.full(len(rows), space.stem.width)
    table = ArchitectureTable(
        stem=str(header.get("stem_type", space.stem.type)),
        stem_width=stem_width.astype(np.int64),
        blocks=blocks,
        depth=depth,
        width=np.where(present, width, 1),
        stride=by_stage("stride", space.strides, np.int64),
        bottleneck_ratio=np.where(present, ratio, 1.0),
        group_width=np.where(present, group, 1),
        se_ratio=by_stage("se_ratio", space.se_ratio, np.float64),
        head_width=int(header.get("head_width", space.head.width)),  # type: ignore[call-overload]
        activation=str(header.get("activation", space.activation)),
        num_classes=space.num_classes,
        in_channels=space.in_channels,
    )
    return Assembled(rows, table, resolution, space.device)


def assembled_complexity(part: Assembled, rows: np.ndarray) -> Complexity:
    """Flops, params and acts of a part's networks, each at its own resolution.

    rows: (n,) bool, where they are asked for; a user's networks have −1 elsewhere, as counting them may be dear. Raises
    DsxError for networks so large that 64 bits do not hold what they cost.
    """
    if isinstance(part.table, ArchitectureTable):
        try:
            costs = complexity_table(part.table, part.resolution)
        except OverflowError:
            costs = None
        # what exceeds 64 bits turns negative for about half of the networks
        if costs is None or any(np.min(cost, initial=0) < 0 for cost in costs):
            raise DsxError(
                "the costs of these networks exceed 64 bits: lower the resolution, the widths or num_classes"
            )
        return costs
    counted = np.full((len(METRICS), len(part.table)), -1, dtype=np.int64)
    counted[:, rows] = part.table.take(rows).complexity()
    return Complexity(*counted)


def stage_columns(part: Assembled, names: Collection[str]) -> dict[str, np.ndarray]:
    """What rules and windows may say of networks: (n, stages) of stages, NaN if absent; (n,) of networks as wholes.

    stage_flops, stage_params, stage_acts: at the network's own resolution, stem and head left out. They, memories and
    latency come only if they are among the names, as they take as long as all the rest. Of a user's networks nothing
    but memories is known.
    """
    table = part.table
    whole: dict[str, np.ndarray] = {}
    if any(name in names for name in MEMORIES):
        held = table.memory() if isinstance(table, UserTable) else memory_table(table, part.resolution)
        whole |= held._asdict()
    if isinstance(table, UserTable):
        return whole
    if LATENCY in names:
        assert part.device is not None, "checked with the definition"
        whole[LATENCY] = part.device.latency_ms(table, part.resolution)
    present = table.depth > 0
    columns = {"stage_width": table.width, "stage_depth": table.depth}
    if any(name in names for name in STAGE_METRICS):
        columns |= dict(zip(STAGE_METRICS, stage_complexity_table(table, part.resolution), strict=True))
    by_stage = {name: np.where(present, values, np.nan) for name, values in columns.items()}
    return by_stage | {"total_depth": table.depth.sum(axis=1)} | whole

"""The networks of a study as a table: what each one is, for hovering, diagrams and structure columns."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.base.errors import DsxError
from dsx.results.arrays import Table
from dsx.results.columns import stages as stage_numbers

if TYPE_CHECKING:
    import pandas as pd

# [depth, width, bottleneck ratio, group width (0: no groups)] of one stage
Stages = list[list[float]]


def network_table(model_ids: Sequence[str], contents: Sequence[str]) -> Table:
    """One row per network: model_id, stages (`Stages`), total_depth (blocks), first_width, last_width (channels).

    contents: canonical JSON of each network, in the order of model_ids. A network without stages is left out.
    """
    networks = [(model, json.loads(content)) for model, content in zip(model_ids, contents, strict=True)]
    known = [(model, network) for model, network in networks if "stages" in network]
    return _table([model for model, _ in known], [stages_of(network) for _, network in known])


def networks_in(table: Table) -> Table | None:
    """`network_table` of a results table from elsewhere, from its columns `stages`, or depth_1, width_1 …; else None.

    Also read, where they are: bottleneck_ratio_1 …, and group_width_1 … or groups_1 … (their number). A stage without
    a depth or width is absent; a model without stages is left out.
    """
    if "model_id" not in table.columns:
        return None
    models = table.drop_duplicates("model_id")
    if "stages" in models.columns:
        known = models[models["stages"].notna()]
        cells = zip(known["model_id"], known["stages"], strict=True)
        return _table(known["model_id"], [_stages_of_cell(cell, str(model)) for model, cell in cells])
    numbers = stage_numbers(models.columns, "depth", "width")
    rows = zip(models["model_id"], models.to_dict("records"), strict=True) if numbers else []
    networks = [(model, stages) for model, row in rows if (stages := _stages_of_row(row, numbers))]
    return _table([model for model, _ in networks], [stages for _, stages in networks]) if networks else None


def _stages_of_cell(cell: Any, model: str) -> Stages:
    """A cell of a column `stages`: lists of numbers, or such lists as text. Raises DsxError for anything else."""
    try:
        stages = [[float(value) for value in stage] for stage in (json.loads(cell) if isinstance(cell, str) else cell)]
        if stages and all(len(stage) == 4 for stage in stages):
            return stages
    except (TypeError, ValueError):
        pass
    raise DsxError(
        f"column stages of model {model} = {str(cell)[:40]!r}: expected [depth, width, bottleneck ratio, group width]"
        " of each stage, as in [[1, 24, 1, 8], [2, 56, 1, 8]]; rename the column to go without"
    )


def _stages_of_row(row: Mapping[Hashable, object], numbers: Sequence[int]) -> Stages:
    def value(name: str, otherwise: float) -> float:
        given = row.get(name)
        return float(given) if isinstance(given, (int, float)) and math.isfinite(given) else otherwise

    stages = []
    for i in numbers:
        depth, width = value(f"depth_{i}", 0), value(f"width_{i}", 0)
        ratio, groups = value(f"bottleneck_ratio_{i}", 1), value(f"groups_{i}", 0)
        group_width = value(f"group_width_{i}", width / ratio / groups if groups and ratio else 0)
        if depth >= 1 and width > 0:
            stages.append([depth, width, ratio, group_width])
    return stages


def _table(model_ids: Sequence[str] | pd.Series[Any], stages: list[Stages]) -> Table:
    import pandas as pd

    return pd.DataFrame(
        {
            "model_id": list(model_ids),
            "stages": stages,
            "total_depth": np.array([sum(s[0] for s in each) for each in stages], dtype=np.int64),
            "first_width": np.array([each[0][1] for each in stages], dtype=np.int64),
            "last_width": np.array([each[-1][1] for each in stages], dtype=np.int64),
        }
    )


def stages_of(architecture: dict[str, Any]) -> Stages:
    """Depth, width, bottleneck ratio and group width of each stage of an architecture's dictionary."""
    return [
        [stage["depth"], stage["width"], stage.get("bottleneck_ratio", 1), stage.get("group_width") or 0]
        for stage in architecture["stages"]
    ]


def with_stages(models: Table) -> Table:
    """The rows whose stages are known; a parameter of that name, their number, is none of them."""
    known = [isinstance(stages, list) for stages in models.get("stages", [None] * len(models))]
    rows: Table = models[known]
    return rows


def block_widths_of(stages: Stages) -> list[float]:
    """Width of every block, first to last."""
    return [width for depth, width, _, _ in stages for _ in range(int(depth))]


def stages_in_words(stages: Stages) -> str:
    """`4 stages of 1, 2, 4, 2 blocks, widths 16, 32, 64, 96, bottleneck ratio 1, group width 8`."""

    def listed(values: list[float]) -> str:
        kinds = values[:1] if len(set(values)) == 1 else values
        return ", ".join(f"{value:g}" for value in kinds)

    depths, widths, ratios, groups = ([stage[i] for stage in stages] for i in range(4))
    sentence = f"{len(stages)} stage{'' if len(stages) == 1 else 's'} of {', '.join(f'{d:g}' for d in depths)} blocks"
    sentence += f", widths {', '.join(f'{w:g}' for w in widths)}"
    if any(ratio != 1 for ratio in ratios):
        sentence += f", bottleneck ratio {listed(ratios)}"
    if any(groups):
        sentence += f", group width {listed(groups)}"
    return sentence

"""Which of many settings are accepted: networks of the family that keep every rule and constraint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dsx.networks.architecture import ArchitectureTable
from dsx.networks.cost import METRICS
from dsx.networks.layers import STEMS
from dsx.networks.user import UserTable
from dsx.spaces.assembly import Assembled, assemble, assembled_complexity, stage_columns
from dsx.spaces.definition import Space
from dsx.spaces.draws import setting_columns
from dsx.spaces.population import recipe_settings
from dsx.spaces.tally import Tally


@dataclass(frozen=True)
class AcceptedSetting:
    """An accepted setting."""

    row: int  # among the settings
    key: bytes  # equal for equal models (architecture and recipe settings)
    table: ArchitectureTable | UserTable  # table, index: where its architecture is
    index: int
    complexity: tuple[int, int, int]  # flops, params, acts


@dataclass(frozen=True)
class Taken:
    """m models of a population. settings: column → (m,). contents: of their architectures. complexity: (m, 3)."""

    settings: dict[str, np.ndarray]
    contents: list[dict[str, object]]
    complexity: np.ndarray

    def __len__(self) -> int:
        return len(self.contents)


def evaluate(space: Space, settings: Mapping[str, np.ndarray], tally: Tally) -> list[AcceptedSetting]:
    """The accepted ones among the settings; the tally counts what each rule and constraint let pass."""
    accepted: list[AcceptedSetting] = []
    recipe = [column for _, column in sorted(recipe_settings(settings).items())]
    for part in assemble(space, settings):
        passes, metrics = what_holds(space, settings, part)
        chosen = np.flatnonzero(np.logical_and.reduce(list(passes.values())))
        tally.note(passes, metrics, len(chosen))
        if len(chosen) == 0:
            continue
        table, rows = part.table.take(chosen), part.rows[chosen]
        sizes = np.stack([metrics[name][chosen] for name in METRICS], axis=1).tolist()
        header = table.header.encode()
        for i, (row, key) in enumerate(zip(rows.tolist(), table.keys().tolist(), strict=True)):
            full = header + key + b"".join(column[row].tobytes() for column in recipe)
            accepted.append(AcceptedSetting(row, full, table, i, tuple(sizes[i])))
    return accepted


def what_holds(
    space: Space, settings: Mapping[str, np.ndarray], part: Assembled, measured: bool = True
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the networks of a part must keep, orders aside, which the draws keep: name → (n,) bool; and their metrics.

    settings: of all networks, those outside the part included. metrics: flops, params, acts → (n,), as
    `assembled_complexity` gives them for those that keep the rules; not measured: none where no constraint needs them.
    """
    inequalities = space.inequalities
    names = {name for rule in (*inequalities.values(), *space.constraints.values()) for name in rule.names}
    values = present_settings(settings, part.rows) | stage_columns(part, names)
    rules = {f"rules.{name}": rule.holds(values) for name, rule in inequalities.items()}
    rules = {"resolution": _large_enough(part), **rules}
    kept = np.logical_and.reduce(list(rules.values()))
    if not (measured or space.constraints):
        return rules, {}
    metrics = dict(zip(METRICS, assembled_complexity(part, kept), strict=True))
    return rules | {name: limit.holds(values | metrics) for name, limit in space.constraints.items()}, metrics


def take(space: Space, settings: Mapping[str, np.ndarray], chosen: Sequence[AcceptedSetting]) -> Taken:
    """The chosen candidates, in that order, as a population holds them."""
    rows = np.array([candidate.row for candidate in chosen], dtype=np.int64)
    columns = setting_columns(space, {name: column[rows] for name, column in settings.items()})
    places: dict[int, list[int]] = {}
    for place, candidate in enumerate(chosen):
        places.setdefault(id(candidate.table), []).append(place)
    contents: list[dict[str, object]] = [{}] * len(chosen)
    for places_in_part in places.values():
        table = chosen[places_in_part[0]].table.take(np.array([chosen[place].index for place in places_in_part]))
        for place, content in zip(places_in_part, table.contents(), strict=True):
            contents[place] = content
    sizes = np.array([candidate.complexity for candidate in chosen], dtype=np.int64)
    return Taken(columns, contents, sizes.reshape(-1, len(METRICS)))


def present_settings(settings: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Settings of these rows as rules see them: NaN in stages that a network lacks."""
    values = {name: column[rows] for name, column in settings.items()}
    if "stages" in values:
        for name, column in values.items():
            if column.ndim == 2 and column.dtype.kind in "if":
                values[name] = np.where(np.arange(column.shape[1]) < values["stages"][:, None], column, np.nan)
    return values


def _large_enough(part: Assembled) -> np.ndarray:
    """Where an image survives all strides, as far as they are known."""
    if isinstance(part.table, UserTable):
        return np.ones(len(part.table), dtype=bool)
    strides = np.where(part.table.depth > 0, part.table.stride, 1).prod(axis=1)
    return np.asarray(part.resolution >= STEMS[part.table.stem].total_stride * strides)

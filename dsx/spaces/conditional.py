"""One number of a setting drawn anew, all others as they are, by the sampler's own law.

A space's law is the product of its parameters' distributions, conditioned on its rules, on its constraints, and on
being a network of the family. Given all other numbers of a setting, the law of one is therefore its own distribution
among the values that keep all of these. Values proposed by that distribution and kept are exact draws of it, and the
value that the setting has is another: all of them together are exchangeable, however few were kept. So a value picked
evenly from `ConditionalValues` is as likely as the setting's own where the number has no part in what is asked.

Populations are drawn without replacement; in spaces that are nearly used up, these draws are not quite their law.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from dsx.spaces.acceptance import what_holds
from dsx.spaces.assembly import assemble
from dsx.spaces.definition import Space
from dsx.spaces.distributions import SameAs
from dsx.spaces.orders import in_order

if TYPE_CHECKING:
    import pandas as pd

# of a population or a results table
Columns: TypeAlias = "Mapping[str, npt.ArrayLike] | pd.DataFrame"
# values proposed for each model, and settings looked at together
PROPOSALS = 256
_CHUNK = 1 << 15


@dataclass(frozen=True)
class ConditionalValues:
    """What one column might have been in each of n models, all their other columns as they are."""

    kept: np.ndarray  # (m,) values, those of model i at start[i] to start[i + 1], the model's own first
    start: np.ndarray  # (n + 1,)

    def draw(self, repeats: int, seed: Sequence[int]) -> np.ndarray:
        """(repeats, n) values, each picked evenly from those of its model."""
        sizes = np.diff(self.start)
        picks = np.random.default_rng(seed).random((repeats, sizes.size))
        return self.kept[self.start[:-1] + np.minimum((picks * sizes).astype(np.int64), sizes - 1)]


def settings_of(space: Space, columns: Columns) -> dict[str, np.ndarray]:
    """Settings as `Draws.chunk` gives them, from the columns that a population or a results table has.

    columns: at least the space's, each (n,). Returns parameter → (n,) or (n, stages); a stage that a network lacks
    holds the parameter's lowest value.
    """
    settings: dict[str, np.ndarray] = {}
    for name, parameter in space.parameters.items():
        if name in columns:
            settings[name] = np.asarray(columns[name])
            continue
        source = space.parameters[parameter.parameter] if isinstance(parameter, SameAs) else parameter
        by_stage = [np.asarray(columns[f"{name}_{i + 1}"]) for i in range(space.max_stages)]
        whole = np.stack(by_stage, axis=1)
        if whole.dtype.kind == "f":
            whole = np.where(np.isnan(whole), source.values[0], whole)
        settings[name] = whole.astype(source.values.dtype)
    if "stages" in settings:
        settings["stages"] = settings["stages"].astype(np.int64)
    return settings


def accepted(space: Space, settings: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) bool: which settings are networks of the family that keep every rule, orders included, and constraint."""
    n = len(next(iter(settings.values())))
    keep = np.zeros(n, dtype=bool)
    for part in assemble(space, settings):
        keep[part.rows] = np.logical_and.reduce(list(what_holds(space, settings, part, measured=False)[0].values()))
    return keep & _ordered(space, settings)


def _ordered(space: Space, settings: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) bool: which settings keep the orders."""
    n = len(next(iter(settings.values())))
    stages = settings.get("stages", np.full(n, space.stages))
    keep = np.ones(n, dtype=bool)
    for name, rule in space.orders.items():
        for count in np.unique(stages):
            rows = np.flatnonzero(stages == count)
            keep[rows] &= in_order(settings[name][rows, : rule.length(int(count))], rule.order)
    return keep


def resampled_columns(space: Space) -> list[str]:
    """The columns that can be drawn anew given the others: what is sampled, less the number of stages.

    Other columns of a setting say nothing of the stages that a network with another number of them would have.
    """
    columns: list[str] = []
    for name, parameter in space.parameters.items():
        if (
            isinstance(parameter, SameAs)
            or name == "stages"
            or (not parameter.continuous and len(parameter.values) < 2)
        ):
            continue
        whole = parameter.per == "network"
        columns += [name] if whole else [f"{name}_{i + 1}" for i in range(space.max_stages)]
    return columns


def conditional_values(
    space: Space, columns: Columns, column: str, seed: int = 0, proposals: int = PROPOSALS
) -> ConditionalValues:
    """What `column` (`depth_3`, `wm`) of each model might have been, all other columns as they are.

    columns: those of n models of the space. proposals: values that are tried for each model. A function of these
    arguments alone. In stages that a network lacks the only value is NaN.
    """
    settings = settings_of(space, columns)
    name, stage = _place(space, column)
    parameter = space.parameters[name]
    n = len(settings[name])
    present = settings["stages"] > stage if "stages" in settings and stage is not None else np.ones(n, dtype=bool)
    observed = np.asarray(columns[column])
    digest = [ord(c) for c in column]
    u = np.random.default_rng([seed, *digest]).random((n, proposals))
    proposed = parameter.quantile(u)
    keep = np.zeros((n, proposals), dtype=bool)
    rows = np.flatnonzero(present)
    at_once = max(1, _CHUNK // proposals)
    for part in range(math.ceil(len(rows) / at_once)):
        some = rows[part * at_once : (part + 1) * at_once]
        tried, which = proposed[some], np.arange(proposals)[None]
        distinct, place = np.unique(tried, return_inverse=True)
        if distinct.size < proposals:  # of few values each is looked at once a model
            tried, which = np.tile(distinct, (len(some), 1)), place.reshape(tried.shape)
        holds = accepted(space, _replaced(space, settings, name, stage, some, tried))
        keep[some] = np.take_along_axis(holds.reshape(tried.shape), which, axis=1)
    kept = [np.concatenate([observed[i : i + 1], proposed[i, keep[i]]]) for i in range(n)]
    start = np.concatenate([[0], np.cumsum([len(values) for values in kept])])
    return ConditionalValues(np.concatenate(kept), start)


def _place(space: Space, column: str) -> tuple[str, int | None]:
    """`depth_3` → depth and stage 2, counted from 0; `wm` → wm and None."""
    if column in space.parameters:
        return column, None
    name, _, stage = column.rpartition("_")
    assert name in space.parameters, f"{column}: no column of {space.name}"
    return name, int(stage) - 1


def _replaced(
    space: Space,
    settings: Mapping[str, np.ndarray],
    name: str,
    stage: int | None,
    rows: np.ndarray,
    proposed: np.ndarray,
) -> dict[str, np.ndarray]:
    """Settings of these rows, each once for every proposal (rows, proposals), with that value in its place."""
    repeated = {key: np.repeat(values[rows], proposed.shape[1], axis=0) for key, values in settings.items()}
    if stage is None:
        repeated[name] = proposed.reshape(-1)
    else:
        repeated[name][:, stage] = proposed.reshape(-1)
    return space.with_shared(repeated)

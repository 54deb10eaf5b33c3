"""Importance of a space's parameters, by its models: the sampler's own law given to `dsx.analysis.importance`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsx.analysis.importance import importance_table
from dsx.results.arrays import Table
from dsx.results.states import finished
from dsx.spaces.conditional import conditional_values, resampled_columns
from dsx.spaces.definition import Space, as_space


def importance(space: Space | str | Path, table: Table, level: float = 0.95, seed: int = 0) -> Table:
    """`importance_table` of the finished models of a population of that space.

    space: also by name or file. Parameters of text, and the number of stages, are left out.
    """
    its, rows = as_space(space), finished(table)
    values = {name: rows[name].to_numpy() for name in resampled_columns(its) if rows[name].dtype.kind in "iuf"}

    def resample(name: str, draws: int) -> np.ndarray:
        return conditional_values(its, rows, name, seed).draw(draws, [seed, 1]).astype(float)

    values = {name: column.astype(float) for name, column in values.items()}
    return importance_table(values, rows["error"].to_numpy(float), resample, level, seed)

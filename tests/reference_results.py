"""Made-up reference results of real populations, for tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import dsx
from dsx.results.reference import write_reference
from dsx.results.structure import network_table

SPACES = tuple(f"{name}-digits" for name in ("AnyNetXA", "AnyNetXB", "AnyNetXC", "AnyNetXD", "AnyNetXE", "RegNetX"))


def make_up(folder: Path, n: int = 40) -> None:
    """Write results of n networks of each space, with errors that depend on depth and on the order of widths."""
    tables, curves = {}, {}
    for step, name in enumerate(SPACES):
        population = dsx.sample(dsx.load_space(name), n=n, seed=0)
        networks = network_table(population.model_ids, population.contents)
        rng = np.random.default_rng(step)
        falls = np.array([sum(b[1] < a[1] for a, b in pairwise(s)) for s in networks["stages"]])
        error = 3 - 0.05 * networks["total_depth"] + 0.5 * falls + rng.gamma(2, 0.3, n)
        table = population.table.merge(networks, on="model_id")
        seconds = 10 * (table["acts"] / 1e4) ** 0.8 * rng.lognormal(0, 0.1, n)
        table = table.assign(state="done", error=error, epochs=8, seconds=seconds, recipe="digits v1", replicate=0)
        table["run_id"] = table["model_id"]
        tables[name] = table
        curves[name] = pd.concat(
            [
                table[["run_id", "model_id"]].assign(epoch=e, error=error + 30 / e, train_loss=2.0 / e)
                for e in range(1, 9)
            ]
        )
    write_reference(folder, tables, curves, {"note": "made up for tests"})

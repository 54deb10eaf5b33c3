"""`dsx plan`: how many models tell a difference between two spaces, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsx import analysis
from dsx.analysis.words import number
from dsx.base.text import align
from dsx.study.study import Study

if TYPE_CHECKING:
    import pandas as pd


def plan(studies: Sequence[Study], difference_pct: float | None = None, power: float = 0.8, level: float = 0.95) -> str:
    """How many models of each space tell a difference, and their cost, in words; one line per pair of studies.

    difference_pct: points of mean error to be told; without it, each pair's own difference. One study stands for
    two spaces whose errors are spread alike; of two, the chance that few models put them in the right order is told
    too. Raises DsxError as `dsx.analysis.plan` does.
    """
    names = [str(study.path) for study in studies]
    tables = [study.results() for study in studies]
    if len(tables) == 1:
        found = analysis.plan(tables[0], None, difference_pct, power, level)
        return f"{names[0]} as pilot: {found.words}\n{_costs(tables[0], None, found)}"
    lines = []
    for i, first in enumerate(tables):
        for j in range(i + 1, len(tables)):
            found = analysis.plan(first, tables[j], difference_pct, power, level)
            lines.append(f"{names[i]} and {names[j]}: {found.words}")
            lines.append(_costs(first, tables[j], found))
            lines.append("chance that so few models of each space order the two as all of theirs do:")
            lines.append(_orders(first, tables[j], found.level))
    return "\n".join(lines)


def _costs(pilot_a: pd.DataFrame, pilot_b: pd.DataFrame | None, found: analysis.Plan) -> str:
    """A table of models and device-hours for half, once and twice that difference."""
    rows = [["difference", "models of each space", "device-hours in all"]]
    for factor in (2.0, 1.0, 0.5):
        row = analysis.plan(pilot_a, pilot_b, factor * found.difference, found.power, found.level)
        hours = "unknown" if math.isnan(row.device_hours) else f"{row.device_hours:,.3g}"
        rows.append([f"{number(row.difference, 2)} points", f"{row.n:,} ({row.n_low:,}–{row.n_high:,})", hours])
    return align(rows)


def _orders(pilot_a: pd.DataFrame, pilot_b: pd.DataFrame, level: float) -> str:
    """A table of the chance of the right order by numbers of models, with intervals where the pilots allow them."""
    smaller = min(len(analysis.finished(pilot)) for pilot in (pilot_a, pilot_b))
    sizes = [4**i for i in range(5) if 4**i <= smaller]
    rows = [["models of each space", "by mean", "by median", "by lowest"]]
    for row in analysis.right_order(pilot_a, pilot_b, sizes, level=level).to_dict("records"):
        chances = []
        for name in ("by_mean", "by_median", "by_min"):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            chance = "tied" if math.isnan(row[name]) else f"{row[name]:.2f}"
            chances.append(chance + ("" if math.isnan(low) else f" ({low:.2f}–{high:.2f})"))
        rows.append([f"{row['n']:.0f}", *chances])
    return align(rows)

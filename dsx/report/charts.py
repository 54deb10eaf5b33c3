"""The data of the interactive charts: drawn points with their networks, best ranges, ends of axes. No drawing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.base.nested import plain
from dsx.exhibits.explored import charted_columns
from dsx.plots.labels import axis
from dsx.plots.limits import error_limits
from dsx.plots.style import color
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table, number_array

if TYPE_CHECKING:
    from dsx.analysis.edf import Edf

# points drawn of one study; more would make the page slow and show nothing new
MAX_POINTS = 1500


def chart_data(
    tables: Mapping[str, Table],
    curves: Mapping[str, Edf],
    ranges: Table,
    level: float,
    metric: Metric = ERROR,
) -> dict[str, Any]:
    """What the page's script draws, as plain JSON values; numbers that are not finite are null.

    tables: name → finished models, as `StudyFacts.models` gives them; studies without any are left out.
    metric: what `error` is of: the page shows zero + sign · error.
    curves, ranges: their EDFs and `best_ranges_table`, as the exhibits of these names computed them.
    """
    shown = {name: table for name, table in tables.items() if len(table)}
    columns = charted_columns(shown)
    low, high, beyond = (
        error_limits([t["error"].to_numpy(float) for t in shown.values()], metric) if shown else (0, 100, "")
    )
    data = {
        "level": level,
        "metric": {
            "axis": metric.axis,
            "symbol": metric.axis_of("e"),
            "words": metric.words,
            "unit": metric.unit_after,
            "zero": metric.from_error(0.0),
            "sign": 1 if metric.better == "lower" else -1,
        },
        "columns": [_column(name, shown) for name in columns],
        "limits": [low, high],
        "beyond": beyond,
        "studies": [
            _study(name, color(i), shown[name], columns, curves[name], ranges[ranges["study"] == name])
            for i, name in enumerate(tables)
            if name in shown
        ],
    }
    return plain(data, finite=True, digits=6)


def points_drawn(n: int) -> int:
    """Of n models, how many have a point in the interactive charts."""
    return min(n, MAX_POINTS)


def _column(name: str, tables: Mapping[str, Table]) -> dict[str, Any]:
    values = np.concatenate([number_array(t[name], name) for t in tables.values() if name in t.columns])
    values = values[np.isfinite(values)]
    label, scaled = axis(name, values)
    scale = float(values[0] / scaled[0]) if values.size and scaled[0] else 1.0
    wide = bool(values.size and values.min() > 0 and values.max() >= 20 * values.min())
    return {"name": name, "label": label, "log": wide, "scale": scale}


def _study(name: str, color: str, table: Table, columns: Sequence[str], curve: Edf, ranges: Table) -> dict[str, Any]:
    order = np.argsort(table["error"].to_numpy(float), kind="stable")
    keep = np.unique(np.linspace(0, curve.n - 1, points_drawn(curve.n)).round().astype(int))
    rows = table.iloc[order[keep]]
    return {
        "name": name,
        "color": color,
        "n": curve.n,
        "limits": error_limits([table["error"].to_numpy(float)])[:2],
        "half": curve.half_width,
        "error": curve.error[keep],
        "share": curve.at_or_below(curve.error[keep]),
        "rank": keep + 1,
        "id": rows["model_id"].tolist() if "model_id" in rows.columns else [f"row {i}" for i in rows.index],
        "state": rows["state"].tolist() if "state" in rows.columns else ["done"] * len(rows),
        "stages": [stages if isinstance(stages, list) else None for stages in rows.get("stages", [None] * len(rows))],
        "values": {c: number_array(rows[c], c) for c in columns if c in rows.columns},
        "ranges": {row.parameter: (row.low, row.median, row.high) for row in ranges.itertuples()},
    }

"""Error against complexity of several populations: mean and spread in bins that all of them share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsx.results.arrays import Floats, Table, column, frame
from dsx.results.states import finished

BINS = 10
# range of complexities, as a factor, from which bins are equal on a log scale
WIDE = 20.0


def error_by_complexity(tables: Mapping[str, Table], by: str = "flops", bins: int = BINS) -> Table:
    """One row per study and bin that holds a model: study, by, low, high, n, mean, sd (points; NaN for one model).

    tables: name → results table; their finished models of known complexity. The bins, low ≤ c < high (the last end
    included), cut the range of all studies equally, on a log scale where it spans a factor of 20. The spread is of
    models, no interval of the mean. Studies without the column are left out. NDS fig. 3, 9.
    """
    known = {name: models for name, table in tables.items() if by in (models := finished(table)).columns}
    sizes = {name: column(models, by) for name, models in known.items()}
    edges = _edges(np.concatenate([c[np.isfinite(c)] for c in sizes.values()]) if sizes else np.array([]), bins)
    rows = []
    for name, models in known.items():
        errors, size = column(models, "error"), sizes[name]
        inside = np.isfinite(size)
        place = np.clip(np.searchsorted(edges, size[inside], side="right") - 1, 0, max(0, edges.size - 2))
        for at in np.unique(place):
            group = errors[inside][place == at]
            spread = float(group.std(ddof=1)) if group.size > 1 else np.nan
            low, high = float(edges[at]), float(edges[min(at + 1, edges.size - 1)])
            rows.append((name, by, low, high, group.size, float(group.mean()), spread))
    return frame(rows, ["study", "by", "low", "high", "n", "mean", "sd"])


def _edges(sizes: Floats, bins: int) -> Floats:
    """(bins + 1,) ends of the bins; one value where all are equal, none where there are none."""
    if sizes.size == 0:
        return sizes
    low, high = float(sizes.min()), float(sizes.max())
    if low > 0 and high >= WIDE * low:
        edges: Floats = np.geomspace(low, high, bins + 1)
    else:
        edges = np.unique(np.linspace(low, high, bins + 1))
    edges[0], edges[-1] = low, high
    return edges

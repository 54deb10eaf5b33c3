"""Which parameters matter: strengths with intervals, beside what would be seen if they had no part of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsx.base.errors import DsxError
from dsx.plots.style import GREY, PALETTE, WIDTH_IN, Axes, drawing, legend_above
from dsx.results.arrays import Table

# so many rows are drawn, the strongest
MOST = 20


def importance(
    table: Table,
    ax: Axes | None = None,
    outcome: str = "error",
    pairs: bool = False,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> Axes:
    """Strength of each parameter (or pair) with its interval; a grey bar up to its null line.

    table: of `dsx.analysis.importance_table`, at that level. What lies right of its bar has a part of its own: filled
    where that holds after correction. notes: further facts for the title. Raises DsxError without such rows.
    """
    rows = table[(table["outcome"] == outcome) & ((table["with"] != "") == pairs)]
    if rows.empty:
        known = ", ".join(dict.fromkeys(map(str, table["outcome"])))
        raise DsxError(f"importance: no rows of outcome '{outcome}'{' with pairs' if pairs else ''}. Known: {known}")
    left_out = len(rows) - min(len(rows), MOST)
    rows = rows.head(MOST).iloc[::-1]
    names = [str(name) for name in rows["parameter"]]
    if pairs:
        names = [f"{first} × {second}" for first, second in zip(names, rows["with"], strict=True)]
    with drawing(ax, 0, size_in=(WIDTH_IN, 0.9 + 0.22 * len(rows))) as ax:
        places = np.arange(len(rows))
        reach = "up to here by chance" if pairs else "up to here by ties alone"
        ax.barh(places, rows["null_line"], color="#DDDDDD", height=0.7, label=reach)
        significant = rows["pvalue_corrected"].to_numpy(float) <= 1 - level
        ends = np.abs(rows[["low", "high"]].to_numpy(float).T - rows["strength"].to_numpy(float))
        ax.errorbar(rows["strength"], places, xerr=ends, fmt="none", ecolor=GREY, elinewidth=1)
        for kept, fill, label in (
            (significant, PALETTE[0], "shown" if pairs else "shown to have a part of its own"),
            (~significant, "white", "not shown"),
        ):
            if kept.any():
                ax.scatter(rows["strength"][kept], places[kept], s=22, color=fill, edgecolor=PALETTE[0], zorder=3,
                           label=label)  # fmt: skip
        ax.set_yticks(places, names)
        ax.set_xlim(left=0)
        of = "the models' ranks" if outcome == "error" else f"being among the {outcome}"
        ax.set_xlabel(f"share of the variance of {of}")
        facts = [f"n {int(rows['n'].iloc[0]):,}", *notes, *([f"{left_out} weaker ones left out"] if left_out else [])]
        legend_above(ax, ", ".join(facts))
    return ax

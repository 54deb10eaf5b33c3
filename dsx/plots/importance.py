"""Which parameters matter: strengths with intervals, beside what would be seen if they had no part of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DsxError
from dsx.plots.style import GREY, PALETTE, house_style, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# so many rows are drawn, the strongest
MOST = 20


def importance(table: pd.DataFrame, ax: Axes | None = None, outcome: str = "error", pairs: bool = False) -> Axes:
    """Strength of each parameter (or pair) with its interval; a grey bar up to its null line.

    table: of `dsx.analysis.importance_table`. What lies right of its bar has a part of its own: filled where that holds
    after correction. Raises DsxError if the table holds no such rows.
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
    with house_style():
        ax = ax if ax is not None else new_axes(height_in=0.9 + 0.22 * len(rows))
        places = np.arange(len(rows))
        ax.barh(places, rows["null_line"], color="#DDDDDD", height=0.7, label="null line")
        significant = rows["pvalue_corrected"].to_numpy(float) <= 0.05
        ends = np.abs(rows[["low", "high"]].to_numpy(float).T - rows["strength"].to_numpy(float))
        ax.errorbar(rows["strength"], places, xerr=ends, fmt="none", ecolor=GREY, elinewidth=1)
        for shown, fill, label in (
            (significant, PALETTE[0], "has a part of its own"),
            (~significant, "white", "not shown"),
        ):
            if shown.any():
                ax.scatter(
                    rows["strength"][shown],
                    places[shown],
                    s=22,
                    color=fill,
                    edgecolor=PALETTE[0],
                    zorder=3,
                    label=label,
                )
        ax.set_yticks(places, names)
        ax.set_xlim(left=0)
        ax.set_xlabel(f"share of variance, outcome: {outcome}")
        note = f", {left_out} weaker ones left out" if left_out else ""
        ax.set_title(f"n {int(rows['n'].iloc[0]):,}{note}", loc="left", fontsize=8)
        ax.legend(loc="lower right")
    return ax

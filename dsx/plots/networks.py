"""Single networks: widths per block with their linear fit, and training curves of best, median and worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.analysis.counts import finished, finished_errors
from dsx.analysis.curves import representative_curves
from dsx.analysis.linear import linear_fits, table_widths
from dsx.analysis.values import number_array
from dsx.errors import DsxError
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import suit_axis
from dsx.plots.style import GREY, PALETTE, house_style, legend_above, new_axes, panel_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def network(widths: Any, ax: Axes | None = None, title: str = "", fit: bool = True, stages: int | None = None) -> Axes:
    """Width of each block of a network, with its quantised-linear fit (RegNet Fig. 8).

    widths: (depth,) channels, first block to last. stages: of the fit, as in `linear_fit`; where there is
    no such fit the widths are drawn alone. Raises DsxError if widths is empty or not positive.
    """
    array = number_array(widths, "widths")
    (found,) = linear_fits([array], stages)
    blocks = np.arange(array.size)
    with house_style():
        ax = ax if ax is not None else new_axes(3.4, 2.6, lines=2)
        ax.step(blocks, array, where="mid", color=PALETTE[0], linewidth=1.2, alpha=0.6)
        ax.plot(blocks, array, "o", color=PALETTE[0], markersize=4, label="width")
        if fit and found is not None:
            text = f"fit, e_fit {found.error:.2f}:\nw0 {found.w0:g}, wa {found.wa:g}, wm {found.wm:g}"
            ax.plot(blocks, found.w0 + found.wa * blocks, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)))
            ax.hlines(found.predicted, blocks - 0.5, blocks + 0.5, color=PALETTE[1], linewidth=1.8, label=text)
        ax.set(xlabel="block index j", ylabel="width (channels)", ylim=(0, None))
        suit_axis(ax, blocks.astype(float))
        legend_above(ax, title or None)
    return ax


def top_networks(table: pd.DataFrame, count: int = 6, stages: int | None = None, name: str = "") -> Figure:
    """A figure with a diagram of each of the best networks and its linear fit, best first (RegNet Fig. 8, 15).

    table: results table with columns depth_1, width_1 …. stages: of the fits, by default as many as the
    space has. Raises DsxError if no model has finished or there are no such columns.
    """
    finished_errors(table, name or "results table")
    best = finished(table).sort_values("error", kind="stable").head(count).reset_index(drop=True)
    widths = table_widths(best)
    stages = stages or sum(f"depth_{i}" in best.columns and f"width_{i}" in best.columns for i in range(1, 100))
    across = min(3, len(best))
    down = -(-len(best) // across)
    with house_style():
        figure, panels = panel_grid(down, across, 2.9, 2.6)
        for at, (ax, blocks) in enumerate(zip(panels, widths, strict=False)):
            label = f"{best['model_id'].iloc[at][:8]}, " if "model_id" in best.columns else ""
            network(blocks, ax, f"{label}error {best['error'].iloc[at]:.2f} %", stages=stages)
        for ax in panels[len(best) :]:
            ax.remove()
        figure.suptitle("; ".join(counts_in_words({name: table})), fontsize=8, x=0.01, ha="left")
    return figure


def training_curves(curves: pd.DataFrame, ax: Axes | None = None, measure: str = "error", name: str = "") -> Axes:
    """A measure over epochs for the best, median and worst model by their last epoch's error.

    curves: one row per run and epoch (`model_id`, `epoch`, `error` …), a study's curves. Values that are
    not finite end a curve. Raises DsxError if there is no curve or no such column.
    """
    picked = representative_curves(curves, "error" if "error" in curves.columns else measure)
    label, values = axis(measure, number_array(picked.get(measure, _missing(curves, measure)), measure))
    roles = {"best": PALETTE[2], "median": PALETTE[0], "worst": PALETTE[1]}
    styles = {"best": "solid", "median": (0, (5, 2)), "worst": (0, (1, 1.5))}
    with house_style():
        ax = ax if ax is not None else new_axes(lines=3)
        for role in dict.fromkeys(picked["role"]):
            rows = (picked["role"] == role).to_numpy()
            epoch, y = picked.loc[rows, "epoch"].to_numpy(), values[rows]
            last = f"{y[-1]:.3g}" if np.isfinite(y[-1]) else "not finite"
            text = f"{role}: {str(picked.loc[rows, 'model_id'].iloc[0])[:8]}, last {last}"
            ax.plot(epoch, y, color=roles[role], linestyle=styles[role], marker="o", markersize=3, label=text)
        run = "run_id" if "run_id" in curves.columns else "model_id"
        ax.set(xlabel="epoch", ylabel=label)
        suit_axis(ax, picked["epoch"].to_numpy(float) - 1)
        legend_above(ax, f"{name}, n {curves[run].nunique()}".removeprefix(", "))
    return ax


def _missing(curves: pd.DataFrame, measure: str) -> Any:
    """A stand-in that makes the usual error for a column that is not there."""
    if measure in curves.columns:
        return None
    raise DsxError(f"curves: no column '{measure}' among {', '.join(str(c) for c in curves.columns)}")

"""Single networks: widths per block with their linear fit, and training curves of best, median and worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsx.analysis.curves import representative_curves
from dsx.analysis.linear import DEEPEST, linear_fits, table_widths
from dsx.analysis.points import networks_table
from dsx.base.errors import DsxError
from dsx.base.units import short
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import suit_axis
from dsx.plots.style import GREY, PALETTE, Axes, drawing, house_style, legend_above, panels
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table, number_array
from dsx.results.columns import stages as stage_numbers
from dsx.results.states import finished, finished_errors


def network(
    widths: npt.ArrayLike, ax: Axes | None = None, title: str = "", fit: bool = True, stages: int | None = None
) -> Axes:
    """Width of each block of a network, with its quantised-linear fit (RegNet Fig. 8).

    widths: (depth,) channels, first block to last. stages: of the fit, as in `linear_fit`; where there is
    no such fit the widths are drawn alone. Raises DsxError if widths is empty or not positive.
    """
    array = number_array(widths, "widths")
    (fitted,) = linear_fits([array], stages) if fit else (None,)
    with drawing(ax, 2, size_in=(3.4, 2.6)) as ax:
        line = _Line(fitted.w0, fitted.wa, fitted.wm, fitted.error) if fitted else None
        _draw_network(ax, array, fitted.predicted if fitted else array, line)
        legend_above(ax, title or None)
    return ax


class _Line(NamedTuple):
    """A quantised line: w_j = w0 + wa·j in steps of wm, and how far the widths are from it (e_fit)."""

    w0: float
    wa: float
    wm: float
    error: float


def _draw_network(ax: Axes, widths: Floats, predicted: Floats, fit: _Line | None) -> None:
    """Width of each block, and the fit: its line dashed, its quantised widths in colour."""
    blocks = np.arange(widths.size)
    ax.step(blocks, widths, where="mid", color=PALETTE[0], linewidth=1.2, alpha=0.6)
    ax.plot(blocks, widths, "o", color=PALETTE[0], markersize=4, label="width")
    if fit is not None:
        ax.plot(blocks, fit.w0 + fit.wa * blocks, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)))
        label = f"fit, e_fit {fit.error:.2f}:\n{_fit_in_words(fit)}"
        ax.hlines(predicted, blocks - 0.5, blocks + 0.5, color=PALETTE[1], linewidth=1.8, label=label)
    ax.set(xlabel="block index j", ylabel="width (channels)", ylim=(0, None))
    suit_axis(ax, blocks.astype(float))


def _fit_in_words(fit: _Line) -> str:
    return f"w0 {fit.w0:g}, wa {fit.wa:g}, wm {fit.wm:g}"


def top_networks(
    table: Table,
    ax: Axes | None = None,
    count: int = 6,
    stages: int | None = None,
    name: str = "",
    widths: Sequence[npt.ArrayLike | None] | None = None,
) -> Axes:
    """A diagram of each of the best networks with its linear fit, best first, as panels (RegNet Fig. 8, 15).

    table: results table. widths: block widths of each finished model, in the order of `finished(table)`, None where
    they are not known; by default from columns depth_1, width_1 …. stages: of the fits, by default as many as those
    columns have, else as many as each network has widths.
    Raises DsxError if no model has finished or there are neither widths nor such columns.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    if widths is None:
        widths = table_widths(rows)
        stages = stages or len(stage_numbers(rows.columns, "depth", "width"))
    if len(widths) != len(rows):
        raise DsxError(f"{name or 'results table'}: widths of {len(widths)} networks for {len(rows)} finished models")
    blocks = networks_table(rows, widths, count, stages)
    if blocks.empty:
        raise DsxError(f"{name or 'results table'}: nothing to draw: the widths of no finished model are known")
    return draw_networks(blocks, counts_in_words({name: table}), ax)


def draw_networks(blocks: Table, notes: Sequence[str], ax: Axes | None = None, metric: Metric = ERROR) -> Axes:
    """A panel for each network of `networks_table`, on these axes, or new ones."""
    notes = [*notes, "dots: width of each block; orange: its quantised-linear fit; dashed: w0 + wa·j"]
    networks = [part for _, part in blocks.groupby("rank", sort=True)]
    with house_style():
        ax, cells = panels(ax, len(networks), notes, 3, (2.9, 2.2), above_in=0.36)
        for cell, part in zip(cells, networks, strict=True):
            best = part.iloc[0]
            fit = None if np.isnan(best["e_fit"]) else _Line(*(best[c] for c in ("w0", "wa", "wm", "e_fit")))
            _draw_network(cell, part["width"].to_numpy(float), part["fitted"].to_numpy(float), fit)
            fitted = "no line has as many stages" if len(part) <= DEEPEST else f"over {DEEPEST} blocks: no fit"
            fitted = f"e_fit {fit.error:.2f}: {_fit_in_words(fit)}" if fit else fitted
            label = "" if str(best["model_id"]).startswith("row ") else f"{str(best['model_id'])[:8]}: "
            cell.set_title(
                f"{label}{metric.words} {metric.from_error(best['error']):.2f}{metric.unit_after}\n{fitted}",
                loc="left",
                fontsize=7.5,
            )
    return ax


# of the best, median and worst curves
_ROLES = {"best": (PALETTE[2], "o"), "median": (PALETTE[0], "s"), "worst": (PALETTE[1], "^")}
# measures that stand beside the error, with the words and the style of their lines
_BESIDE = {"ema_error": ("averaged weights", (0, (1, 1.5))), "train_error": ("training error", (0, (5, 2)))}


def training_curves(
    curves: Table, ax: Axes | None = None, measure: str = "error", name: str = "", n: int | None = None
) -> Axes:
    """A measure over epochs for the best, median and worst model by their last epoch's error.

    curves: one row per run and epoch (`model_id`, `epoch`, `error` …), a study's curves; n: of how many runs they
    are the best, median and worst, by default of those in `curves`. Values that are not finite end a curve.
    Raises DsxError if there is no curve or no such column.
    """
    picked = representative_curves(curves, "error" if "error" in curves.columns else measure)
    if measure not in picked.columns:
        raise DsxError(f"curves: no column '{measure}' among {', '.join(str(c) for c in curves.columns)}")
    run = "run_id" if "run_id" in curves.columns else "model_id"
    return draw_curves(picked, f"{name}, n {n or curves[run].nunique():,}".removeprefix(", "), ax, measure)


def draw_curves(
    picked: Table, title: str, ax: Axes | None = None, measure: str = "error", metric: Metric = ERROR
) -> Axes:
    """The rows of `representative_curves` on these axes, or new ones; title: of the legend; metric: of the errors.

    Beside errors stand those of the averaged weights and of training, where they are known.
    """
    label, values = axis(measure, number_array(picked[measure], measure))
    if measure == "error":
        label, values = metric.axis, np.array([metric.from_error(error) for error in values])
    shown = picked.assign(**{measure: values})
    beside = [
        m for m in _BESIDE
        if measure == "error" and metric == ERROR and m in shown.columns and shown[m].notna().any()
    ]  # fmt: skip
    with drawing(ax, 3 + len(beside)) as ax:
        for role in dict.fromkeys(shown["role"]):
            _draw_role(ax, shown[shown["role"] == role], str(role), measure, beside)
        for other in beside:
            ax.plot([], [], color=GREY, linewidth=0.9, linestyle=_BESIDE[other][1], label=_BESIDE[other][0])
        ax.set(xlabel="epoch", ylabel=label)
        # less 1, so that the axis is never logarithmic; its ticks are whole epochs
        suit_axis(ax, picked["epoch"].to_numpy(float) - 1, at_values=False)
        suit_axis(ax, values[np.isfinite(values)], "y")
        legend_above(ax, title)
    return ax


def _draw_role(ax: Axes, rows: Table, role: str, measure: str, beside: Sequence[str]) -> None:
    """The curves of the best, the median or the worst runs, the first of them by a stronger line."""
    shade, marker = _ROLES[role]
    last, first = [], True
    for _, run in rows.groupby("run_id" if "run_id" in rows.columns else "model_id", sort=False):
        ax.plot(run["epoch"], run[measure], color=shade, marker=marker, markersize=3, linewidth=1.4 if first else 0.8)
        last.append(float(run[measure].iloc[-1]))
        for other in beside:
            ax.plot(run["epoch"], run[other], color=shade, linewidth=0.8, alpha=0.8, linestyle=_BESIDE[other][1])
        first = False
    ends = [short(value) if np.isfinite(value) else "not finite" for value in (last[0], last[-1])]
    name = f"{role} {len(last)}" if len(last) > 1 else f"{role}: {str(rows['model_id'].iloc[0])[:8]}"
    ax.plot([], [], color=shade, marker=marker, markersize=3, label=f"{name}, last {' to '.join(dict.fromkeys(ends))}")

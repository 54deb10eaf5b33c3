"""Complexity fits, trends over regimes, and how a population's parameters are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsx.analysis.best import best_weights, parameter_columns
from dsx.analysis.counts import finished, finished_errors
from dsx.analysis.regression import LineFit, fit_columns
from dsx.analysis.values import Floats, column
from dsx.analysis.words import number
from dsx.errors import DsxError
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import suit_axis
from dsx.plots.style import GREY, PALETTE, house_style, legend_above, new_axes, note_below, panel_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def line_fit(
    table: pd.DataFrame,
    x: str,
    y: str,
    ax: Axes | None = None,
    log: bool = False,
    level: float = 0.95,
    name: str = "",
) -> Axes:
    """One column against another with its least-squares line, band and checks (RegNet Fig. 12).

    x, y: columns, or `sqrt(column)`. log: fit log–log. The band is that of the line, not of single models;
    what speaks against the line stands below the axes. Raises DsxError if a line cannot be fitted.
    """
    fit = fit_columns(table, x, y, log, level)
    (label_x, xs), (label_y, ys) = axis(x, fit.x), axis(y, fit.y)
    scale_x, scale_y = _scale(fit.x, xs), _scale(fit.y, ys)
    at = np.geomspace(fit.x.min(), fit.x.max(), 100) if log else np.linspace(fit.x.min(), fit.x.max(), 100)
    low, high = _band(fit, at)
    dropped = [f"No {x} or {y}: {fit.dropped} of {fit.n + fit.dropped} finished models."] if fit.dropped else []
    notes = [*counts_in_words({name: table}), *dropped, *fit.warnings()]
    with house_style():
        ax = ax if ax is not None else new_axes(lines=len(notes) + 2)
        heavy = fit.cook > 1
        ax.scatter(xs[~heavy], ys[~heavy], s=14, color=PALETTE[0], alpha=0.6, linewidths=0)
        if heavy.any():
            ax.scatter(xs[heavy], ys[heavy], s=30, facecolors="none", edgecolors=PALETTE[1], label="moves the line")
        ax.plot(
            at / scale_x, fit.predict(at) / scale_y, color="black", linewidth=1.2, label=_formula(fit, scale_x, scale_y)
        )
        ax.fill_between(at / scale_x, low / scale_y, high / scale_y, color="black", alpha=0.12, linewidth=0)
        ax.set(xlabel=label_x, ylabel=label_y)
        if log:
            suit_axis(ax, xs)
            suit_axis(ax, ys, "y")
        legend_above(ax)
        note_below(ax, notes)
    return ax


def trend(trends: pd.DataFrame, parameter: str, ax: Axes | None = None, regime: str = "flops") -> Axes:
    """Best range of a parameter against the regime: all models, likely best, median (RegNet Fig. 11).

    trends: what `trend` of the statistics returns. regime: what its regimes are, for the label.
    Raises DsxError if the parameter is not in it.
    """
    rows = trends[trends["parameter"] == parameter].sort_values("regime")
    if rows.empty:
        known = ", ".join(dict.fromkeys(trends["parameter"])) or "none"
        raise DsxError(f"nothing to draw: no trend of '{parameter}' (there are: {known})")
    label_x, at = axis(regime, rows["regime"])
    ends = ["all_low", "all_high", "low", "high", "median"]
    label_y, drawn = axis(parameter, rows[ends].to_numpy(float).ravel())
    all_low, all_high, low, high, median = drawn.reshape(-1, len(ends)).T
    with house_style():
        ax = ax if ax is not None else new_axes(lines=3)
        ax.fill_between(at, all_low, all_high, color=GREY, alpha=0.12, linewidth=0, label="all models")
        ax.fill_between(at, low, high, color=PALETTE[0], alpha=0.25, linewidth=0, label="likely best (95 %)")
        ax.plot(at, median, color=PALETTE[0], marker="o", markersize=4, label="best (median)")
        ax.set(xlabel=label_x, ylabel=label_y)
        suit_axis(ax, at)
        legend_above(ax, f"n {', '.join(str(int(n)) for n in rows['n'])} models")
    return ax


def marginals(
    table: pd.DataFrame, columns: Sequence[str] | None = None, fraction: float = 0.25, name: str = ""
) -> Figure:
    """A figure with one panel per parameter: how all models and the likely best ones are distributed.

    columns: by default the space's numeric parameters. Likely best: weighted by the chance to be the best
    of a random `fraction`. Raises DsxError if no model has finished or there is no parameter.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    names = parameter_columns(table) if columns is None else list(columns)
    names = [n for n in names if np.isfinite(column(rows, n)).any()]
    if not names:
        raise DsxError(f"{name or 'results table'}: nothing to draw: the results table has no numeric parameter")
    chance = best_weights(rows["error"].to_numpy(float), fraction)
    across = min(4, len(names))
    down = -(-len(names) // across)
    with house_style():
        figure, panels = panel_grid(down, across, 2.1, 1.8)
        for ax, parameter in zip(panels, names, strict=False):
            label, values = axis(parameter, column(rows, parameter))
            known = np.isfinite(values)
            _histogram(ax, values[known], chance[known] / max(chance[known].sum(), 1e-300))
            ax.set_xlabel(label)
            if not known.all():
                ax.set_title(f"not known of {int((~known).sum())}", loc="left", fontsize=7, color=GREY)
        for ax in panels[len(names) :]:
            ax.remove()
        panels[0].set_ylabel("share of models")
        handles, texts = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, texts, loc="outside upper left", ncols=2, title="; ".join(counts_in_words({name: table}))
        )
    return figure


def _histogram(ax: Axes, values: Floats, chance: Floats) -> None:
    distinct = np.unique(values)
    if distinct.size <= 16:
        at, positions = np.searchsorted(distinct, values), np.arange(distinct.size)
        bars = [np.bincount(at, w, distinct.size) for w in (np.full(values.size, 1 / values.size), chance)]
        ax.bar(positions - 0.2, bars[0], 0.4, color=GREY, alpha=0.5, label="all models")
        ax.bar(positions + 0.2, bars[1], 0.4, color=PALETTE[0], label="likely best")
        shown = positions if distinct.size <= 6 else positions[:: -(-distinct.size // 6)]
        ax.set_xticks(shown, [f"{v:g}" for v in distinct[shown]])
        return
    wide = suit_axis(ax, values)
    edges = list((np.geomspace if wide else np.linspace)(values.min(), values.max(), 13))
    each = np.full(values.size, 1 / values.size)
    ax.hist(values, edges, weights=each, color=GREY, alpha=0.5, label="all models")
    ax.hist(values, edges, weights=chance, histtype="step", color=PALETTE[0], linewidth=1.5, label="likely best")


def _scale(values: Floats, drawn: Floats) -> float:
    """What the label's unit divides by."""
    return float(np.abs(values).max() / np.abs(drawn).max()) if drawn.any() else 1.0


def _band(fit: LineFit, at: Floats) -> tuple[Floats, Floats]:
    """The line's own interval at x: t · s · √(1/n + (x − x̄)²/Σ(x − x̄)²)."""
    u, points = (np.log(fit.x), np.log(at)) if fit.log else (fit.x, at)
    t_times_s = (fit.slope_high - fit.slope) * np.sqrt(np.sum((u - u.mean()) ** 2))
    reach = t_times_s * np.sqrt(1 / fit.n + (points - u.mean()) ** 2 / np.sum((u - u.mean()) ** 2))
    line = fit.intercept + fit.slope * points
    return (np.exp(line - reach), np.exp(line + reach)) if fit.log else (line - reach, line + reach)


def _formula(fit: LineFit, scale_x: float, scale_y: float) -> str:
    if fit.log:
        slope = f"slope {fit.slope:.2f} ({number(fit.slope_low, 2)} to {number(fit.slope_high, 2)}) on log–log axes"
    else:
        factor = scale_x / scale_y
        slope = (
            f"slope {fit.slope * factor:.3g} ({fit.slope_low * factor:.3g} to {fit.slope_high * factor:.3g})".replace(
                "-", "−"
            )
        )
        slope += f", intercept {fit.intercept / scale_y:.3g}".replace("-", "−")
    return f"{slope}; R² {fit.r2:.2f}, n {fit.n}"

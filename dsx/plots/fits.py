"""Complexity fits and trends over regimes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from dsx.analysis.number_words import number
from dsx.analysis.regression import LineFit, fit_columns
from dsx.analysis.trends import trend_fits
from dsx.base.errors import DsxError
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import error_axis, suit_axis
from dsx.plots.scatter import MANY, MOST
from dsx.plots.style import GREY, PALETTE, Axes, drawing, legend_above
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table

# the regime of studies that make no scale: their place among those given
ORDER = "order of the studies"


def line_fit(
    table: Table, x: str, y: str, ax: Axes | None = None, log: bool = False, level: float = 0.95, name: str = ""
) -> Axes:
    """One column against another with its least-squares line, band and checks (RegNet Fig. 12).

    x, y: columns, or `sqrt(column)`. log: fit log–log. The band is that of the line, not of single models;
    what speaks against the line stands below the axes. Raises DsxError if a line cannot be fitted.
    """
    fit = fit_columns(table, x, y, log, level)
    dropped = [f"No {x} or {y}: {fit.dropped} of {fit.n + fit.dropped} finished models."] if fit.dropped else []
    notes = [*counts_in_words({name: table}), *dropped, *fit.warnings()]
    if fit.n > MOST:
        notes.append(f"Points drawn: {MOST:,} of {fit.n:,}; the line is of all.")
    with drawing(ax, 2, notes) as ax:
        draw_fit(ax, fit, x, y)
        legend_above(ax)
    return ax


def draw_fit(ax: Axes, fit: LineFit, x: str, y: str) -> None:
    """The points of a fit, its line with band, and the points that move it, on some axes."""
    (label_x, xs), (label_y, ys) = axis(x, fit.x), axis(y, fit.y)
    scale_x, scale_y = _scale(fit.x, xs), _scale(fit.y, ys)
    at = np.geomspace(fit.x.min(), fit.x.max(), 100) if fit.log else np.linspace(fit.x.min(), fit.x.max(), 100)
    low, high = fit.band(at)
    light = np.flatnonzero(fit.cook <= 1)
    light = light[:: max(1, -(-light.size // MOST))]
    ax.scatter(xs[light], ys[light], s=14, color=PALETTE[0], alpha=0.6, linewidths=0, rasterized=light.size > MANY)
    heavy = fit.cook > 1
    if heavy.any():
        ax.scatter(xs[heavy], ys[heavy], s=30, facecolors="none", edgecolors=PALETTE[1], label="moves the line")
    ax.plot(
        at / scale_x, fit.predict(at) / scale_y, color="black", linewidth=1.2, label=_formula(fit, scale_x, scale_y)
    )
    ax.fill_between(at / scale_x, low / scale_y, high / scale_y, color="black", alpha=0.12, linewidth=0)
    ax.set(xlabel=label_x, ylabel=label_y)
    if fit.log:
        suit_axis(ax, xs)
        suit_axis(ax, ys, "y")


def trend(trends: Table, parameter: str, ax: Axes | None = None, regime: str = "flops") -> Axes:
    """Best range of a parameter against the regime: all models, likely best, median (RegNet Fig. 11).

    trends: what `trend` of the statistics returns. regime: what its regimes are, for the label.
    Raises DsxError if the parameter is not in it.
    """
    rows = trends[trends["parameter"] == parameter].sort_values("regime")
    if rows.empty:
        known = ", ".join(dict.fromkeys(trends["parameter"])) or "none"
        raise DsxError(f"nothing to draw: no trend of '{parameter}' (there are: {known})")
    with drawing(ax, 3) as ax:
        fits = [] if regime == ORDER else trend_fits(rows, log=True).to_dict("records")
        draw_trend(ax, rows, parameter, regime, next(iter(fits), None))
        legend_above(ax, f"n {', '.join(str(int(n)) for n in rows['n'])} models")
    return ax


def draw_trend(ax: Axes, rows: Table, parameter: str, regime: str, fit: Mapping[Hashable, Any] | None = None) -> None:
    """The rows of one parameter of a trend, in order of the regime, on some axes; bars where the regime is an order.

    fit: the line through the medians, a row of `trend_fits`, log–log.
    """
    label_x, at = axis(regime, rows["regime"])
    ends = ["all_low", "all_high", "low", "high", "median"]
    label_y, positions = axis(parameter, rows[ends].to_numpy(float).ravel())
    all_low, all_high, low, high, median = positions.reshape(-1, len(ends)).T
    if regime == ORDER:
        ax.bar(at, all_high - all_low, 0.6, all_low, color=GREY, alpha=0.15, label="all models")
        ax.bar(at, high - low, 0.35, low, color=PALETTE[0], alpha=0.35, label="likely best (95 %)")
    else:
        ax.fill_between(at, all_low, all_high, color=GREY, alpha=0.12, linewidth=0, label="all models")
        ax.fill_between(at, low, high, color=PALETTE[0], alpha=0.25, linewidth=0, label="likely best (95 %)")
    ax.plot(at, median, color=PALETTE[0], marker="o", markersize=4, label="best (median)")
    ax.set(xlabel=label_x, ylabel=label_y)
    if suit_axis(ax, np.concatenate([all_low, all_high]), "y", at_values=False):
        ax.set_ylim(all_low.min() / 1.1, all_high.max() * 1.1)
    if fit is not None:
        unit_x, unit_y = _scale(rows["regime"].to_numpy(float), at), _scale(rows[ends].to_numpy(float), positions)
        grid = np.geomspace(at.min(), at.max(), 50)
        line = np.exp(fit["intercept"] + fit["slope"] * np.log(grid * unit_x)) / unit_y
        ax.plot(grid, line, color="black", linewidth=0.9, linestyle=(0, (5, 2)), label="line through the medians")
    _ticks_at(ax, at, regime)


def draw_mean_errors(ax: Axes, rows: Table, regime: str, metric: Metric = ERROR) -> None:
    """Mean error with its interval against the regime: study, regime, mean_error, mean_error_low, mean_error_high."""
    label_x, at = axis(regime, rows["regime"])
    mean, low, high = (rows[f"mean_error{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    ax.errorbar(at, mean, yerr=np.nan_to_num([mean - low, high - mean]), color=PALETTE[1], marker="o", markersize=4)
    ax.set_xlabel(label_x)
    error_axis(ax, "y", f"mean {metric.axis}", metric)
    _ticks_at(ax, at, regime)


def _ticks_at(ax: Axes, at: Floats, regime: str) -> None:
    """Ticks at the studies' regimes, on a log axis unless it is an order."""
    from matplotlib.ticker import NullLocator

    if regime != ORDER and at.min() > 0:
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticks(at, [f"{value:.3g}" for value in at])


def _scale(values: Floats, shown: Floats) -> float:
    """What the label's unit divides by."""
    return float(np.abs(values).max() / np.abs(shown).max()) if shown.any() else 1.0


def _formula(fit: LineFit, scale_x: float, scale_y: float) -> str:
    if fit.log:
        ends = f"{number(fit.slope_low, 2)} to {number(fit.slope_high, 2)}"
        slope, more = f"log–log slope {number(fit.slope, 2)}", ""
    else:
        factor = scale_x / scale_y
        ends = f"{fit.slope_low * factor:.3g} to {fit.slope_high * factor:.3g}".replace("-", "−")
        slope, more = (
            f"{name} {value:.3g}".replace("-", "−")
            for name, value in (("slope", fit.slope * factor), (", intercept", fit.intercept / scale_y))
        )
    slope += "" if math.isnan(fit.slope_low) else f" ({ends})"
    explained = f"R² {fit.r2:.2f}" if math.isfinite(fit.r2) else "R² not defined"
    return f"{slope}{more}; {explained}, n {fit.n}"

"""Error against a parameter with the range of its likely best value, and pairs of parameters coloured by rank."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dsx.analysis.best import best_range
from dsx.analysis.number_words import number
from dsx.analysis.points import boxes_of, e_fit_row
from dsx.analysis.regression import expression
from dsx.base.errors import DsxError
from dsx.base.units import short
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import error_axis, error_limits, few_values, suit_axis
from dsx.plots.style import COLORMAP, PALETTE, Axes, drawing, house_style
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table, column
from dsx.results.states import finished, finished_errors

_Ends: TypeAlias = tuple[float, float, float]  # low, median, high

# of more points than this the drawing is a picture inside a vector figure; of more than MOST not all are drawn
MANY, MOST = 3000, 10_000
# up to so many points of a pair the best are drawn last
_FEW = 1000


def scatter(
    table: Table, x: str, ax: Axes | None = None, name: str = "", fraction: float = 0.25, level: float = 0.95
) -> Axes:
    """Error against a column, with the best range shaded and its median as a line (RegNet Fig. 2, 11).

    table: results table of one study. x: a column, or `sqrt(column)`. Columns that span a factor of 20
    are drawn on a log axis. Models where the column is NaN are counted below the axes.
    Raises DsxError if no model has finished or none has a value.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    given = expression(rows, x)
    best = best_range(given, rows["error"].to_numpy(float), fraction, level)
    return _scatter(rows, x, given, best, ax, counts_in_words({name: table}), level)


def _scatter(rows: Table, x: str, given: Floats, best: _Ends, ax: Axes | None, notes: list[str], level: float) -> Axes:
    errors = rows["error"].to_numpy(float)
    beyond = error_limits([errors[np.isfinite(given)]])[2] if np.isfinite(given).any() else ""
    notes = [*notes, *_left_out(x, np.isfinite(given)), *([f"Above the top (arrows): {beyond}"] if beyond else [])]
    with drawing(ax, 1, notes) as ax:
        low, median, high = map(short, draw_points(ax, x, given, errors, best))
        n = int(np.isfinite(given).sum())
        ax.set_title(f"best {median} ({100 * level:g} % range {low}–{high}), n {n:,}", loc="left", fontsize=8)
    return ax


def draw_points(ax: Axes, x: str, given: Floats, errors: Floats, best: _Ends, metric: Metric = ERROR) -> _Ends:
    """Error against one column on some axes, with its best range; returns the range in the label's unit."""
    label, scaled = axis(x, np.concatenate([given, best]))  # at once, so that both have one unit
    values, (low, median, high) = scaled[:-3], scaled[-3:].tolist()
    known = np.isfinite(values)
    bottom, top, _ = error_limits([errors[known]])
    ax.axvspan(low, high, color=PALETTE[0], alpha=0.12, linewidth=0)
    ax.axvline(median, color=PALETTE[0], linewidth=1.4)
    log = suit_axis(ax, values[known])
    values = _spread(values, 1, log)
    shown = thinned(errors, known)
    inside, far = shown[errors[shown] <= top], shown[errors[shown] > top]
    look: dict[str, Any] = {"s": _size(shown.size), "color": PALETTE[0], "linewidths": 0}
    ax.scatter(values[inside], errors[inside], alpha=0.6, rasterized=inside.size > MANY, **look)
    ax.scatter(values[far], np.full(far.size, top), marker="^", clip_on=False, zorder=3, **look)
    ax.set(xlabel=label, ylim=(bottom, top))
    error_axis(ax, "y", metric.axis, metric)
    return low, median, high


def thinned(errors: Floats, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Indices of the known models to draw: all, or of very many `MOST`, evenly over the ranks of the error."""
    order = np.flatnonzero(known)[np.argsort(errors[known], kind="stable")]
    if order.size <= MOST:
        return order
    return order[np.linspace(0, order.size - 1, MOST).round().astype(int)]


def _left_out(what: str, known: npt.NDArray[np.bool_]) -> list[str]:
    """Sentences on models without a value, and on points left out of very many."""
    lines, n = [], int(known.sum())
    if n < known.size:
        lines.append(f"No {what}, hence not drawn: {known.size - n:,} of {known.size:,} finished models.")
    if n > MOST:
        lines.append(f"Points drawn: {MOST:,} of {n:,}, evenly over their ranks; numbers are of all.")
    return lines


def pair_scatter(
    table: Table, x: str, y: str, ax: Axes | None = None, name: str = "", fraction: float = 0.25,
    level: float = 0.95,
) -> Axes:  # fmt: skip
    """One parameter against another, coloured by the rank of the error; the box holds the best pair.

    The box is the joint best range (`joint_best_range`). Dark is good. Equal pairs are spread a little.
    Raises DsxError if no model has finished or none has both values.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    known = np.isfinite(expression(rows, x)) & np.isfinite(expression(rows, y))
    notes = counts_in_words({name: table}) + _left_out(f"{x} or {y}", known)
    with drawing(ax, 1, notes) as ax:
        points = rows[["error"]].assign(**{x: expression(rows, x), y: expression(rows, y)})
        (box,) = boxes_of(points, [(x, y)], fraction, level).to_dict("records")
        probability, n = box["probability"], draw_pair(ax, points, box)
        rank_bar(ax, ax.inset_axes((1.03, 0, 0.035, 1)))
        percent = f"{100 * probability:.0f} %"
        ax.set_title(f"box: holds the best pair with probability {percent}, n {n:,}", loc="left", fontsize=8)
    return ax


def draw_pair(ax: Axes, points: Table, box: Mapping[Hashable, Any]) -> int:
    """A pair of columns on some axes, with its box (a row of `boxes_table`); returns of how many models."""
    from matplotlib.patches import Rectangle

    ends = {at: np.array([box[f"{at}_{end}"] for end in ("low", "median", "high")]) for at in "xy"}
    label_x, xs = axis(box["x"], np.concatenate([column(points, box["x"]), ends["x"]]))
    label_y, ys = axis(box["y"], np.concatenate([column(points, box["y"]), ends["y"]]))
    (xs, best_x), (ys, best_y) = (xs[:-3], xs[-3:]), (ys[:-3], ys[-3:])
    errors = points["error"].to_numpy(float)
    known = np.isfinite(xs) & np.isfinite(ys)
    share = (np.argsort(np.argsort(errors, kind="stable"), kind="stable") + 0.5) / errors.size
    order = thinned(errors, known)[::-1]  # the best on top, unless so many would cover all others
    order = order if order.size <= _FEW else np.random.default_rng(3).permutation(order)
    log_x, log_y = suit_axis(ax, xs[known]), suit_axis(ax, ys[known], "y")
    ax.scatter(
        _spread(xs, 1, log_x)[order], _spread(ys, 2, log_y)[order], c=100 * share[order], s=_size(order.size) + 6,
        cmap=COLORMAP, vmin=0, vmax=100, linewidths=0, alpha=0.85, rasterized=order.size > MANY,
    )  # fmt: skip
    (left, right), (bottom, top) = _room(xs[known], best_x, log_x), _room(ys[known], best_y, log_y)
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=PALETTE[1], linewidth=1.4))
    ax.set(xlabel=label_x, ylabel=label_y)
    return int(known.sum())


def rank_bar(ax: Axes, place: Axes) -> None:
    """The colour bar of `draw_pair`, in these axes."""
    bar = ax.figure.colorbar(ax.collections[0], cax=place)
    bar.set_label("rank (%, 0 is best)", fontsize=8)
    bar.outline.set_visible(False)


def e_fit(table: Table, fits: Table, ax: Axes | None = None, name: str = "", fraction: float = 0.25) -> Axes:
    """Error against e_fit, with its best range and rank correlation (RegNet Fig. 8).

    table: results table. fits: `linear_fit_table` of the finished models' widths, in the order of
    `finished(table)`; or the rows of `linear_table` of one study (model_id, e_fit), which may be some of its models.
    Raises DsxError if the numbers of rows differ or no network could be fitted.
    """
    rows, notes = finished(table), counts_in_words({name: table})
    if "e_fit" not in fits.columns:
        if len(rows) != len(fits):
            shortage = f"{len(fits)} fits for {len(rows)} finished models"
            raise DsxError(f"{name or 'results table'}: {shortage}: fit the rows of `finished(table)`")
        fits = fits.rename(columns={"error": "e_fit"}).assign(error=rows["error"].to_numpy(float))
    elif "error" not in fits.columns:
        fits = rows[["model_id", "error"]].merge(fits[["model_id", "e_fit"]], on="model_id")
    notes += [f"Fitted, and drawn: {len(fits):,} of {len(rows):,} finished models."] if len(fits) < len(rows) else []
    row = e_fit_row(fits["e_fit"].to_numpy(float), fits["error"].to_numpy(float), fraction)
    return draw_e_fit(fits, row, notes, ax)


def draw_e_fit(
    fits: Table,
    row: Mapping[str, float],
    notes: Sequence[str],
    ax: Axes | None = None,
    level: float = 0.95,
    metric: Metric = ERROR,
) -> Axes:
    """The columns error and e_fit of `fits` on these axes, or new ones. row: their `e_fit_row`."""
    best = (row["best_low"], row["best"], row["best_high"])
    ax = _scatter(fits, "e_fit", fits["e_fit"].to_numpy(float), best, ax, list(notes), level)
    error_axis(ax, "y", metric.axis, metric)
    if np.isfinite(row["correlation"]):
        ends = metric.difference(row["correlation"], row["correlation_low"], row["correlation_high"])
        correlation, low, high = (number(end, 2) for end in ends)
        title = f"{ax.get_title(loc='left')}; rank correlation {correlation} ({low} to {high})"
        with house_style():
            ax.set_title(title, loc="left", fontsize=8)
    return ax


def _size(n: int) -> float:
    """Marker area that keeps 20 models visible and 5,000 apart."""
    return float(np.clip(400 / max(n, 1) ** 0.5, 4, 40))


def _spread(values: Floats, salt: int, log: bool) -> Floats:
    """Few values as strips: moved by up to a fifth of their smallest step, lest equal ones hide each other."""
    shown = np.isfinite(values) & (values > 0) if log else np.isfinite(values)
    distinct = few_values(values[shown])
    if distinct is None or distinct.size < 2:
        return values
    places = np.log(distinct) if log else distinct
    moved = np.random.default_rng(salt).uniform(-0.2, 0.2, values.size) * np.diff(places).min()
    return values * np.exp(moved) if log else values + moved


def _room(values: Floats, ends: Floats, log: bool) -> tuple[float, float]:
    """The ends of a range, moved out so that the points at them lie inside the box."""
    low, _, high = ends
    distinct = few_values(values)
    steps = np.array([]) if distinct is None else np.diff(np.log(distinct) if log else distinct)
    if log:
        factor = float(np.exp(0.3 * steps.min())) if steps.size else 1.06
        return low / factor, high * factor
    step = float(steps.min()) if steps.size else 0.02 * float(np.ptp(values) or 1)
    return low - 0.4 * step, high + 0.4 * step

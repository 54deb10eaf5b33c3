"""Several columns of one study at a glance: a panel for each, with one title for all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from dsx.analysis.best import best_ranges_of
from dsx.analysis.complexity import complexity_fits
from dsx.analysis.points import boxes_of
from dsx.analysis.regression import LineFit, expression
from dsx.analysis.trends import trend_fits
from dsx.base.errors import DsxError
from dsx.base.units import short
from dsx.plots.fits import ORDER, draw_fit, draw_mean_errors, draw_trend
from dsx.plots.inputs import counts_in_words
from dsx.plots.limits import error_limits
from dsx.plots.scatter import MOST, draw_pair, draw_points, rank_bar
from dsx.plots.style import Axes, house_style, legend_above, panels
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table, column
from dsx.results.states import finished, finished_errors


def scatters(
    table: Table,
    columns: Sequence[str],
    ax: Axes | None = None,
    name: str = "",
    fraction: float = 0.25,
    level: float = 0.95,
) -> Axes:
    """Error against each of some columns, with best ranges (`scatter`), a panel for each.

    table: results table of one study. Raises DsxError if no model has finished or a column is without values.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    if not columns:
        raise DsxError(f"{name or 'results table'}: nothing to draw: name at least one column")
    points = rows[["error"]].assign(**{x: expression(rows, x) for x in columns})
    ranges = best_ranges_of(points, fraction, level)
    return draw_scatters(points, ranges, level, counts_in_words({name: table}), ax)


def draw_scatters(
    points: Table, ranges: Table, level: float, notes: Sequence[str], ax: Axes | None = None, metric: Metric = ERROR
) -> Axes:
    """A panel for each parameter of `ranges`, on these axes, or new ones.

    points: `points_table`, at least error and the parameters. ranges: parameter, low, median, high, n.
    """
    errors = points["error"].to_numpy(float)
    notes = [*notes, f"shaded: {100 * level:g} % range of the likely best value; line: its median"]
    if beyond := error_limits([errors], metric)[2]:
        notes.append(f"above the top (arrows): {beyond}")
    notes += _thinning(len(points))
    with house_style():
        ax, cells = panels(ax, len(ranges), notes, 4, (2.3, 2.0))
        for at, (cell, row) in enumerate(zip(cells, ranges.to_dict("records"), strict=True)):
            x = row["parameter"]
            best = draw_points(cell, x, column(points, x), errors, (row["low"], row["median"], row["high"]), metric)
            cell.set_ylim(*error_limits([errors])[:2])
            low, median, high = map(short, best)
            few = f", n {row['n']:,}" if row["n"] < len(points) else ""
            cell.set_title(f"best {median} ({low}–{high}){few}", loc="left", fontsize=7.5)
            if at % 4:  # errors as in the first panel of the row
                cell.set_ylabel("")
                cell.tick_params(labelleft=False)
    return ax


def pair_scatters(
    table: Table,
    columns: Sequence[str],
    ax: Axes | None = None,
    name: str = "",
    fraction: float = 0.25,
    level: float = 0.95,
) -> Axes:
    """Every pair of some columns, coloured by the rank of the error (`pair_scatter`), a panel for each pair.

    Raises DsxError if no model has finished, there are fewer than two columns, or a pair has no values.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    pairs = list(itertools.combinations(columns, 2))
    if not pairs:
        raise DsxError(f"{name or 'results table'}: nothing to draw: a pair needs two columns")
    points = rows[["error"]].assign(**{x: expression(rows, x) for x in columns})
    return draw_pairs(points, boxes_of(points, pairs, fraction, level), level, counts_in_words({name: table}), ax)


def draw_pairs(points: Table, boxes: Table, level: float, notes: Sequence[str], ax: Axes | None = None) -> Axes:
    """A panel for each pair of `boxes_table`, on these axes, or new ones. points: at least error and the columns."""
    notes = [*notes, f"box: holds the best pair with the stated probability (at least {level:g})"]
    notes += _thinning(len(points))
    with house_style():
        ax, cells = panels(ax, len(boxes), notes, 3, (2.9, 2.5), right_in=0.7)
        for cell, box in zip(cells, boxes.to_dict("records"), strict=True):
            n = draw_pair(cell, points, box)
            few = f", n {n:,}" if n < len(points) else ""
            cell.set_title(f"box: {100 * box['probability']:.0f} %{few}", loc="left", fontsize=7.5)
        last = cells[min(2, len(cells) - 1)]
        rank_bar(last, last.inset_axes((1.04, 0, 0.05, 1)))
    return ax


def complexity(table: Table, ax: Axes | None = None, name: str = "", level: float = 0.95) -> Axes:
    """Log–log fits of activations, parameters and times against flops and activations (RegNet Fig. 12), as panels.

    Those of `complexity_fits`. Raises DsxError if no two of these columns vary together.
    """
    fits = complexity_fits(table, level)
    if not fits:
        raise DsxError(f"{name or 'results table'}: nothing to draw: flops, params, acts and times do not vary")
    return draw_complexity(fits, counts_in_words({name: table}), ax)


def draw_complexity(fits: Mapping[tuple[str, str], LineFit], notes: Sequence[str], ax: Axes | None = None) -> Axes:
    """A panel for each fit, (y, x) → line, on these axes, or new ones."""
    warnings = [f"{y} against {x}: {' '.join(fit.warnings())}" for (y, x), fit in fits.items() if fit.warnings()]
    n = max(fit.n for fit in fits.values())
    notes = [*notes, *warnings]
    notes += [f"points drawn: about {MOST:,} of {n:,}; the lines are of all"] if n > MOST else []
    with house_style():
        ax, cells = panels(ax, len(fits), notes, 2, (4.0, 2.8), above_in=0.42)
        for cell, ((y, x), fit) in zip(cells, fits.items(), strict=True):
            draw_fit(cell, fit, x, y)
            legend_above(cell)
    return ax


def trends(table: Table, ax: Axes | None = None, regime: str = "flops") -> Axes:
    """Best range of every parameter against the regime (`trend`), a panel for each (RegNet Fig. 11).

    table: what `trend` of the statistics returns. Raises DsxError if it is empty.
    """
    if table.empty:
        raise DsxError("nothing to draw: the studies share no parameter")
    fits = trend_fits(table, log=True) if regime != ORDER else None
    return draw_trends(table, None, fits, regime, 0.95, ax)


def draw_trends(
    table: Table,
    errors: Table | None,
    fits: Table | None,
    regime: str,
    level: float,
    ax: Axes | None = None,
    metric: Metric = ERROR,
) -> Axes:
    """The trends on these axes, or new ones; first the mean error, if it is given: study, regime, mean_error …

    fits: the lines through the medians of `trend_fits`, log–log. metric: what the errors are of.
    """
    names = list(dict.fromkeys(table["parameter"]))
    known = table if errors is None else errors
    first = known.drop_duplicates("study").sort_values("regime")
    key = "" if regime != ORDER else "{:.0f} "
    facts = first[["study", "regime", "n"]].itertuples(index=False)
    counts = [f"{key.format(at)}{study} {n:.0f}" for study, at, n in facts]
    notes = [f"grey: all models; blue: {100 * level:g} % range of the likely best value; line: its median"]
    notes = [*notes, f"n: {', '.join(counts)}"]
    with house_style():
        ax, cells = panels(ax, len(names) + (errors is not None), notes, 4, (2.3, 2.0))
        if errors is not None:
            draw_mean_errors(cells[0], first, regime, metric)
        for cell, parameter in zip(cells[errors is not None :], names, strict=True):
            fit = None if fits is None else next(iter(fits[fits["parameter"] == parameter].to_dict("records")), None)
            draw_trend(cell, table[table["parameter"] == parameter].sort_values("regime"), parameter, regime, fit)
    return ax


def _thinning(n: int) -> list[str]:
    """What is to be said where not all points are drawn."""
    if n <= MOST:
        return []
    return [f"points drawn: {MOST:,} of {n:,}, evenly over their ranks; numbers are of all"]

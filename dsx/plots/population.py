"""How the parameters of a population are distributed: as sampled, and of the likely best against all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsx.analysis.points import marginals_table
from dsx.base.errors import DsxError
from dsx.plots.inputs import counts_in_words
from dsx.plots.labels import axis
from dsx.plots.limits import suit_axis
from dsx.plots.style import GREY, PALETTE, Axes, color, house_style, panels
from dsx.results.arrays import Floats, Table, column
from dsx.results.columns import COMPLEXITIES, parameter_columns
from dsx.results.states import finished, finished_errors

_NOT_DRAWN = ("model_id", "space")


def population(table: Table, ax: Axes | None = None, title: str = "") -> Axes:
    """A histogram of every column of a population's table as panels; bars for text and for few distinct values.

    table: `Population.table`, (n models). Columns with one value alone are left out. Raises DsxError if none is left.
    """
    # a results table holds arrays in one column, of the networks' stages
    single = [name for name in table.columns if not table[name].map(np.ndim).any()]
    names = [name for name in single if name not in _NOT_DRAWN and table[name].nunique() > 1]
    if not names:
        raise DsxError("nothing to draw: all models of the population are alike")
    with house_style():
        heading = title or f"{table['space'].iloc[0]}: {len(table):,} models; lines: medians"
        ax, cells = panels(ax, len(names), [heading], 4, (2.4, 1.7))
        for cell, name in zip(cells, names, strict=True):
            _draw(cell, name, table[name].dropna().to_numpy())
    return ax


def marginals(
    table: Table, columns: Sequence[str] | None = None, ax: Axes | None = None, fraction: float = 0.25, name: str = ""
) -> Axes:
    """One panel per parameter: how all models and the likely best ones are distributed (`marginals_table`).

    columns: by default the space's numeric parameters. Likely best: weighted by the chance to be the best
    of a random `fraction`. Raises DsxError if no model has finished or there is no parameter.
    """
    finished_errors(table, name or "results table")
    rows = finished(table)
    names = parameter_columns(table) if columns is None else list(columns)
    unknown = {name: int((~np.isfinite(column(rows, name))).sum()) for name in names}
    bars = marginals_table(rows, names, fraction)
    if bars.empty:
        raise DsxError(f"{name or 'results table'}: nothing to draw: the results table has no numeric parameter")
    return draw_marginals(bars, unknown, fraction, counts_in_words({name: table}), ax)


def draw_marginals(
    bars: Table, unknown: Mapping[str, int], fraction: float, notes: Sequence[str], ax: Axes | None = None
) -> Axes:
    """A panel for each parameter of `marginals_table`, on these axes, or new ones.

    unknown: parameter → of how many models it is not known.
    """
    weighted = f"blue: weighted by the chance to be the best of a random {100 * fraction:g} % of them"
    weighted += "; steps: bins of about equally many models"
    names = list(dict.fromkeys(bars["parameter"]))
    with house_style():
        ax, cells = panels(ax, len(names), [*notes, f"grey: all models that count; {weighted}"], 4, (2.3, 1.8))
        for at, (cell, parameter) in enumerate(zip(cells, names, strict=True)):
            part = bars[bars["parameter"] == parameter]
            _shares(cell, parameter, *(part[c].to_numpy(float) for c in ("low", "high", "all", "likely_best")))
            if unknown.get(parameter):
                cell.set_title(f"not known of {unknown[parameter]}", loc="left", fontsize=7, color=GREY)
            if at % 4 == 0:
                cell.set_ylabel("share of models")
    return ax


def _draw(ax: Axes, name: str, values: np.ndarray) -> None:
    from matplotlib.ticker import MaxNLocator

    metric = name in COMPLEXITIES
    shade = color(1) if metric else color(0)
    distinct, counts = np.unique(values, return_counts=True)
    number = values.dtype.kind in "if"
    labels = [f"{v:g}" if number else str(v) for v in distinct[:9]]
    # few whose labels fit beside each other
    if not number or (len(labels) <= 8 and sum(map(len, labels)) <= 20):
        ax.bar(np.arange(distinct.size), counts, color=shade)
        ax.set_xticks(np.arange(distinct.size), [str(v) for v in distinct] if not number else labels)
        ax.set_xlabel(axis(name, np.zeros(1))[0] if number else name.replace("_", " "))
    else:
        label, scaled = axis(name, values)
        ax.hist(scaled, bins=min(30, len(distinct)), color=shade)
        ax.axvline(float(np.median(scaled)), color=GREY, linewidth=1)
        ax.set_xlabel(label)
    ax.set_ylabel("models")
    ax.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def _shares(ax: Axes, name: str, low: Floats, high: Floats, everyone: Floats, best: Floats) -> None:
    """Bars side by side for single values, steps over bins."""
    if (low == high).all():
        label, at = axis(name, low)
        positions = np.arange(low.size)
        ax.bar(positions - 0.2, everyone, 0.4, color=GREY, alpha=0.5)
        ax.bar(positions + 0.2, best, 0.4, color=PALETTE[0])
        shown = positions if low.size <= 6 else positions[:: -(-low.size // 6)]
        ax.set_xticks(shown, [f"{v:g}" for v in at[shown]])
    else:
        label, edges = axis(name, np.append(low, high[-1]))
        ax.stairs(everyone, edges, fill=True, color=GREY, alpha=0.5)
        ax.stairs(best, edges, color=PALETTE[0], linewidth=1.5)
        suit_axis(ax, edges)
    ax.set_xlabel(label)
    ax.set_ylim(0, None)

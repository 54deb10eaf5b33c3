"""Error against complexity of several populations in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsx.analysis.complexity_bins import error_by_complexity as compute_bins
from dsx.base.errors import DsxError
from dsx.plots.edf import BANDED
from dsx.plots.inputs import counts_in_words, named
from dsx.plots.labels import axis
from dsx.plots.limits import error_axis, suit_axis
from dsx.plots.style import Axes, color, dashes, drawing, legend_above, series_label
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table


def error_by_complexity(studies: Mapping[str, Any] | Any, by: str = "flops", ax: Axes | None = None) -> Axes:
    """Mean error in bins of complexity, with ± 2 standard deviations of the models, of each study (NDS fig. 3).

    studies: name → results table, or one alone. by: flops, params or acts. The spread is drawn of at most three
    studies, and no further down than 0 %. Raises DsxError if none has it.
    """
    tables = named(studies)
    return draw_error_by_complexity(compute_bins(tables, by), counts_in_words(tables), ax)


def draw_error_by_complexity(bins: Table, notes: Sequence[str], ax: Axes | None = None, metric: Metric = ERROR) -> Axes:
    """The table on these axes, or new ones, with the notes below. metric: of the errors. Raises DsxError if empty."""
    if bins.empty:
        raise DsxError("nothing to draw: no finished model of known complexity")
    names = list(dict.fromkeys(bins["study"]))
    with drawing(ax, len(names), notes) as ax:
        label, ends = axis(str(bins["by"].iloc[0]), np.concatenate([bins["low"], bins["high"]]))
        low, high = np.split(ends, 2)
        wide = suit_axis(ax, ends)
        middle = np.sqrt(low * high) if wide else (low + high) / 2
        for index, name in enumerate(names):
            rows = (bins["study"] == name).to_numpy()
            mean, spread = bins.loc[rows, "mean"].to_numpy(), 2 * bins.loc[rows, "sd"].to_numpy()
            look: dict[str, Any] = {"color": color(index), "linestyle": dashes(index)}
            models = series_label(f"{name} (n {bins.loc[rows, 'n'].sum():,})")
            ax.plot(middle[rows], mean, marker="o", markersize=3, label=models, **look)
            known = np.isfinite(spread) & (len(names) <= BANDED)
            at = middle[rows][known]
            ax.fill_between(
                at,
                np.maximum(0 if metric.percent else -np.inf, mean - spread)[known],
                (mean + spread)[known],
                color=color(index),
                alpha=0.1,
                linewidth=0,
            )
        ax.set_xlabel(label)
        error_axis(ax, "y", f"mean {metric.axis}", metric)
        spread_told = "shaded: ± 2 standard deviations of the models in a bin"
        legend_above(ax, spread_told if len(names) <= BANDED else None)
    return ax

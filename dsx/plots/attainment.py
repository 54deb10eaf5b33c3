"""What a search attains within a cost, of several populations in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsx.analysis.attainment import Attained, attained, joint_edf
from dsx.base.errors import DsxError
from dsx.plots.edf import BANDED
from dsx.plots.inputs import counts_in_words, named
from dsx.plots.labels import axis
from dsx.plots.limits import error_axis, suit_axis
from dsx.plots.style import Axes, color, dashes, drawing, legend_above, series_label
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import column
from dsx.results.states import finished


def attainment(
    studies: Mapping[str, Any] | Any, by: str = "flops", draws: int = 10, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """The error that so many drawn models attain with even odds within each cost, of each study, with a band.

    studies: name → results table, or one alone. by: flops, params, acts or another column. What has none with a known
    cost is told below. Raises DsxError if none has a finished model of known cost.
    """
    tables = named(studies)
    curves, notes = {}, counts_in_words(tables)
    for name, table in tables.items():
        models = finished(table)
        costs = column(models, by)
        known = np.isfinite(costs)
        if not known.all():
            notes = [*notes, f"{name}: {(~known).sum():,} models without {by} are left out"]
        if known.any():
            errors = models["error"].to_numpy(float)[known]
            curves[name] = attained(joint_edf(errors, costs[known]), draws, level=level)
    return draw_attainment(curves, by, notes, ax)


def draw_attainment(
    curves: Mapping[str, Attained], by: str, notes: Sequence[str], ax: Axes | None = None, metric: Metric = ERROR
) -> Axes:
    """These curves on the axes, or new ones, with the notes below. Raises DsxError if nothing is attained anywhere."""
    costs = np.concatenate([curve.cost for curve in curves.values()]) if curves else np.empty(0)
    if not any(np.isfinite(curve.error).any() for curve in curves.values()):
        raise DsxError("nothing to draw: no finished model of known cost")
    with drawing(ax, len(curves), notes) as ax:
        label, scaled = axis(by, costs)
        suit_axis(ax, scaled)
        places = np.cumsum([curve.cost.size for curve in curves.values()])[:-1]
        for index, ((name, curve), at) in enumerate(zip(curves.items(), np.split(scaled, places), strict=True)):
            look: dict[str, Any] = {"color": color(index), "linestyle": dashes(index)}
            known = np.isfinite(curve.error)
            ax.step(at[known], curve.error[known], where="post", label=series_label(name), **look)
            held = known & np.isfinite(curve.high)
            if held.any() and len(curves) <= BANDED:
                low = np.nan_to_num(curve.low[held], nan=float(np.nanmin(curve.error)))
                ax.fill_between(
                    at[held], low, curve.high[held], step="post", color=color(index), alpha=0.1, linewidth=0
                )
        first = next(iter(curves.values()))
        ax.set_xlabel(f"at most so many {label}")
        error_axis(ax, "y", f"{metric.axis} of the best of {first.draws}", metric)
        told = f"shaded: {100 * first.level:g} % band" if len(curves) <= BANDED else None
        legend_above(ax, told)
    return ax

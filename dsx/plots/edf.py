"""The figure that compares populations: their error distribution functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsx.analysis.edf import Edf
from dsx.analysis.edf import edf as compute_edf
from dsx.analysis.number_words import number
from dsx.plots.inputs import counts_in_words, errors_by_name, named
from dsx.plots.limits import error_axis, error_limits
from dsx.plots.style import Axes, color, dashes, drawing, legend_above, series_label
from dsx.recipes.metric import ERROR, Metric

if TYPE_CHECKING:
    from dsx.results.samples import Errors

# studies up to which bands are drawn unless asked for: more of them hide each other
BANDED = 3
# curves of more models are drawn at every so-many-th step; the difference is thinner than the line
_MAX_STEPS = 4000


def edf(
    studies: Mapping[str, Errors] | Errors, ax: Axes | None = None, level: float = 0.95, bands: bool | None = None
) -> Axes:
    """Draw the EDF of each study with its simultaneous band; legend `name (n 24, min 1.8, mean 2.5)`.

    studies: name → results table, (n,) errors in percent, or an `Edf`; or one of these alone. Steps
    rise from 0 to 1 at the errors, F(e) being the share strictly below e. Below the axes stand the
    models by state in words, and how many lie beyond the right end if a few far ones (diverged at
    chance error, as a rule) would squeeze the rest. bands: whether to draw them; by default of at most three studies.
    Raises DsxError if no study has a finished model.
    """
    given = named(studies)
    curves = {name: data for name, data in given.items() if isinstance(data, Edf)}
    rest = {name: data for name, data in given.items() if name not in curves}
    errors = errors_by_name(rest, required=not curves)
    curves |= {name: compute_edf(e, level=level) for name, e in errors.items()}
    curves = {name: curves[name] for name in given if name in curves}
    notes = counts_in_words(rest) + [f"{name}: not drawn, no finished model" for name in given if name not in curves]
    return draw_edf(curves, notes, ax, bands)


def draw_edf(
    curves: Mapping[str, Edf],
    notes: Sequence[str],
    ax: Axes | None = None,
    bands: bool | None = None,
    metric: Metric = ERROR,
    separate: bool = True,
) -> Axes:
    """The curves on these axes, or new ones, with the notes below them. bands: as `edf` takes them.

    metric: what the errors are of; where more is better the ticks fall from left to right. separate: whether no model
    is in two of them; otherwise one holds all models.
    """
    banded = len(curves) <= BANDED if bands is None else bands
    parts = list(curves.values()) if separate else [max(curves.values(), key=lambda curve: curve.n)]
    left, right, beyond = error_limits([curve.error for curve in parts], metric)
    notes = [*notes, *([f"Beyond the right end: {beyond}"] if beyond else [])]
    with drawing(ax, len(curves), notes) as ax:
        for index, (name, curve) in enumerate(curves.items()):
            _draw(ax, curve, series_label(f"{name} ({legend_text(curve, metric)})"), index, (left, right), banded)
        shown = {curve.level for curve in curves.values()}
        side = "below" if metric.better == "lower" else "above"
        ax.set(xlim=(left, right), ylim=(0, 1.02), ylabel=f"F(e): share of models {side} e")
        error_axis(ax, "x", metric.axis_of("e"), metric)
        legend_above(ax, f"shaded: {100 * max(shown):g} % simultaneous band" if banded else None)
    return ax


def legend_text(curve: Edf, metric: Metric = ERROR) -> str:
    """`n 24, min 1.8, mean 2.5`: two decimals for errors below 1 %, and the effective n of a weighted curve."""
    mean = metric.from_error(curve.mean)
    places = 1 if abs(mean) >= 1 else 2
    best = f"{metric.short_extreme} {number(metric.from_error(curve.min), places)}"
    effective = "" if abs(curve.effective_n - curve.n) < 0.5 else f" (weighted, effective {curve.effective_n:.0f})"
    return f"n {curve.n}{effective}, {best}, mean {number(mean, places)}"


def _draw(ax: Axes, curve: Edf, label: str, index: int, ends: tuple[float, float], banded: bool) -> None:
    keep = np.unique(np.linspace(0, curve.n - 1, min(curve.n, _MAX_STEPS)).astype(int))
    error = np.concatenate([[ends[0]], curve.error[keep], [max(ends[1], curve.error[-1])]])
    share = np.concatenate([[0.0], curve.at_or_below(curve.error[keep]), [1.0]])
    if banded:
        low, high = (np.clip(share + b, 0, 1) for b in (-curve.half_width, curve.half_width))
        ax.fill_between(error, low, high, step="post", color=color(index), alpha=0.12, linewidth=0)
        for edge in (low, high):
            ax.step(error, edge, where="post", color=color(index), alpha=0.4, linewidth=0.5)
    ax.step(error, share, where="post", color=color(index), linestyle=dashes(index), label=label)

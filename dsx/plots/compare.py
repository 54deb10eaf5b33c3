"""Where two populations differ, how fast random search gets on, and how many models are enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dsx.analysis.best_of_k import BestOfK, best_of_k
from dsx.analysis.confidence_sequences import ConfidenceSequence
from dsx.analysis.dominance import EdfDifference
from dsx.analysis.dominance import edf_difference as compute_difference
from dsx.analysis.search import SearchCurve
from dsx.analysis.search import random_search as compute_search
from dsx.base.errors import DsxError
from dsx.plots.edf import BANDED
from dsx.plots.inputs import counts_in_words, errors_by_name, named
from dsx.plots.limits import error_axis, error_limits, plain_ticks
from dsx.plots.style import GREY, PALETTE, Axes, color, dashes, drawing, fold, legend_above, series_label
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table
from dsx.results.samples import Errors


def edf_difference(studies: Mapping[str, Errors], ax: Axes | None = None, level: float = 0.95) -> Axes:
    """F of the first study less F of the second at each error, with its simultaneous band.

    studies: two, name → results table, (n,) errors in percent. Above 0 more models of the first lie
    below that error. Raises DsxError unless there are two studies with finished models.
    """
    if len(studies) != 2:
        raise DsxError(f"a difference of EDFs is drawn of two studies; {len(studies)} given")
    errors = errors_by_name(studies)
    if len(errors) != 2:
        raise DsxError(f"a difference of EDFs needs finished models in both studies ({_told(studies)})")
    a, b = errors.values()
    return draw_edf_difference(compute_difference(a, b, level), errors, counts_in_words(studies), ax)


def draw_edf_difference(
    difference: EdfDifference,
    errors: Mapping[str, Floats],
    notes: Sequence[str],
    ax: Axes | None = None,
    ahead: Collection[str] | None = None,
    metric: Metric = ERROR,
) -> Axes:
    """The difference on these axes, or new ones. errors: of the two studies, by name, first less second; of a metric.

    ahead: the studies that may be called ahead where the band is clear of 0; by default both.
    """
    (name_a, a), (name_b, b) = errors.items()
    left, right, beyond = error_limits([a, b], metric)
    notes = [*notes, *([f"Beyond the right end: {beyond}"] if beyond else [])]
    with drawing(ax, 1, notes) as ax:
        ax.axhline(0, color=GREY, linewidth=0.8)
        sides = [(difference.lower > 0, PALETTE[0], name_a), (difference.upper < 0, PALETTE[1], name_b)]
        error, low, high = difference.error, difference.lower, difference.upper
        ax.fill_between(error, low, high, step="post", color=GREY, alpha=0.18, linewidth=0)
        for clear, side, name in sides:
            if clear.any() and (ahead is None or name in ahead):
                look: dict[str, Any] = {"color": side, "alpha": 0.35, "linewidth": 0}
                ax.fill_between(
                    error, low, high, where=clear, step="post", label=series_label(f"{name} is ahead"), **look
                )
        ax.step(difference.error, difference.difference, where="post", color="black", linewidth=1.3)
        lowest, highest = float(difference.lower.min()), float(difference.upper.max())
        ax.set(
            ylabel=fold(f"F({name_a}) − F({name_b})", 45), xlim=(left, right),
            ylim=(max(-1.02, lowest - 0.03), min(1.02, highest + 0.03)),
        )  # fmt: skip
        error_axis(ax, "x", metric.axis_of("e"), metric)
        legend_above(ax, f"shaded: {100 * difference.level:.4g} % simultaneous band; n {a.size} and {b.size}")
    return ax


def random_search(
    studies: Mapping[str, Errors] | Errors,
    ax: Axes | None = None,
    level: float = 0.95,
    weights: Mapping[str, npt.ArrayLike] | None = None,
) -> Axes:
    """Expected lowest error against the number of models tried, with its band (RegNet Fig. 9, NDS Fig. 10).

    studies: name → results table or (n,) errors; or one alone. Of k models drawn without replacement, up to all
    (`best_of_k`). weights: name → (n,) weights of the finished models, for complexity-matched curves; these are
    drawn with replacement (`analysis.random_search`), and their band ends where k is above a tenth of the models.
    """
    given = named(studies)
    curves: dict[str, SearchCurve | BestOfK] = {
        name: best_of_k(errors, level=level)
        if weights is None
        else compute_search(errors, weights=weights[name], level=level)
        for name, errors in errors_by_name(given).items()
    }
    return draw_random_search(curves, counts_in_words(given), ax)


def draw_random_search(
    curves: Mapping[str, SearchCurve] | Mapping[str, BestOfK] | Mapping[str, SearchCurve | BestOfK],
    notes: Sequence[str],
    ax: Axes | None = None,
    metric: Metric = ERROR,
) -> Axes:
    """The curves on these axes, or new ones, with the notes below them; of more than three without bands.

    metric: what the errors are of.
    """
    banded = len(curves) <= BANDED and any(np.isfinite(curve.low).any() for curve in curves.values())
    spread = {name: 2 * c.deviation for name, c in curves.items() if isinstance(c, BestOfK) and len(curves) <= BANDED}
    with drawing(ax, len(curves), notes) as ax:
        for index, (name, curve) in enumerate(curves.items()):
            band = (curve.low, curve.high) if banded else None
            _draw_curve(ax, index, f"{name} (n {curve.n:.0f})", curve.k, curve.expected, band)
            for end in (curve.expected + side * spread[name] for side in (-1, 1) if name in spread):
                # no search finds less than the lowest error
                end = np.maximum(end, curve.expected[-1])
                ax.plot(curve.k, end, color=color(index), linewidth=0.8, linestyle=(0, (1, 1.5)))
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(plain_ticks())
        unit = f" ({metric.unit})" if metric.unit else ""
        ax.set_xlabel("models tried")
        error_axis(ax, "y", f"expected {metric.extreme} {metric.words}{unit}", metric)
        shown = f"shaded: {100 * max(curve.level for curve in curves.values()):g} % interval"
        shown = shown if banded else "too few models for an interval" if len(curves) <= BANDED else ""
        told = [*([shown] if shown else []), *(["dotted: ± 2σ of single searches"] if spread else [])]
        legend_above(ax, "; ".join(told) or None)
    return ax


def draw_any_look(
    medians: Mapping[str, ConfidenceSequence], notes: Sequence[str], ax: Axes | None = None, metric: Metric = ERROR
) -> Axes:
    """Medians of the first models against their number, with intervals that hold at every look; of few studies only.

    On these axes, or new ones, with the notes below them. metric: what the errors are of.
    """
    banded = len(medians) <= BANDED
    with drawing(ax, len(medians), notes) as ax:
        for index, (name, median) in enumerate(medians.items()):
            band = (median.low, median.high) if banded else None
            _draw_curve(ax, index, f"{name} (n {median.n[-1]:,})", median.n, median.estimate, band)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(plain_ticks())
        ax.set_xlabel("models, in the order in which they were drawn")
        error_axis(ax, "y", f"median {metric.words}{metric.unit_after}", metric)
        levels = max(median.level for median in medians.values())
        legend_above(ax, f"shaded: {100 * levels:g} % interval at any look" if banded else None)
    return ax


def _draw_curve(
    ax: Axes, index: int, label: str, n: npt.NDArray[np.int64], values: Floats, band: tuple[Floats, Floats] | None
) -> None:
    """A series by the number of models, with its shaded band if it has one."""
    ax.plot(n, values, color=color(index), linestyle=dashes(index), marker="o", markersize=3, label=series_label(label))
    if band is not None:
        ax.fill_between(n, *band, color=color(index), alpha=0.18, linewidth=0)


def sample_size(distances: Table, ax: Axes | None = None, orders: Table | None = None, name: str = "") -> Axes:
    """KS distance of a sample to its population against the sample's size (NDS Fig. 7).

    distances: what `ks_by_sample_size` returns. orders: what `right_order` returns, drawn on a second
    axis to the right. name: of the study, and its n, for the legend. Raises DsxError if distances is empty.
    """
    if distances.empty:
        raise DsxError("nothing to draw: no sample sizes")
    with drawing(ax, 2) as ax:
        n, spread = distances["n"], (distances["low"], distances["high"])
        ax.fill_between(n, *spread, color=PALETTE[0], alpha=0.15, linewidth=0)
        ax.plot(
            n, distances["distance"], color=PALETTE[0], marker="o", markersize=3, label="mean; shaded: 95 % of samples"
        )
        ax.plot(
            n,
            distances["expected"].clip(upper=1),
            color=GREY,
            linewidth=1,
            linestyle=(0, (4, 2)),
            label="large-sample theory",
        )
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(plain_ticks())
        ax.set(xlabel="models in the sample", ylabel="KS distance to the whole population", ylim=(0, 1.02))
        if orders is not None and not orders.empty:
            other = ax.twinx()
            other.plot(orders["n"], orders["by_mean"], color=PALETTE[1], marker="s", markersize=3)
            other.set_ylabel("probability of the right order by the mean", color=PALETTE[1])
            other.tick_params(axis="y", colors=PALETTE[1])
            other.set_ylim(0, 1.02)
            other.grid(False)
        legend_above(ax, name or None)
    return ax


def _told(studies: Mapping[str, Errors]) -> str:
    return "; ".join(counts_in_words(studies)) or "no errors given"

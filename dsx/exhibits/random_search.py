"""How soon random search finds a good model: the expected lowest error (RegNet Fig. 9, NDS Fig. 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.best_of_k import best_of_k
from dsx.analysis.number_words import with_interval
from dsx.analysis.tables import search_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Picture, Section
from dsx.plots.compare import draw_random_search


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    curves = {name: best_of_k(models, level=inquiry.level) for name, models in inquiry.models.items()}
    values = {"curves": curves, "notes": inquiry.counts}
    yield Computed("random_search", {"": search_rows(curves)}, values=values)


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """What may be said of the lowest errors: what to expect of as many models as each study has, and of no more."""
    metric, rows = inquiry.metric, []
    best = f"{metric.extreme} {metric.words}"
    for name, curve in ((name, curve) for each in shown for name, curve in each.values["curves"].items()):
        ends = metric.interval(float(curve.expected[-1]), float(curve.low[-1]), float(curve.high[-1]))
        cell = with_interval(*ends)
        rows.append([name, f"{curve.n:,}", cell])
    note = (
        f"In brackets {100 * inquiry.level:g} % intervals, conservative, of what fresh models of the space would reach;"
        " it takes 64 models for one of the mean (k = 1). Nothing is said of more models than there are."
    )
    unit = f", {metric.unit}" if metric.unit else ""
    grid = Grid(f"expected {best}", ["study", "models k", f"{best} to expect of k{unit}"], rows)
    return Section("Random search", grid=grid, notes=(note,))


def caption(computed: Computed) -> Picture:
    names = ", ".join(dict.fromkeys(computed.main["study"]))
    best = f"{computed.metric.extreme} {computed.metric.words}"
    return Picture(
        "",
        f"expected {best} against the number of models tried, for {names}",
        f"The {best} to expect of so many models drawn at random: how soon a search finds a good one.",
    )


EXHIBIT = Exhibit(
    "random_search",
    compute,
    draw=lambda computed, ax: draw_random_search(
        computed.values["curves"], computed.values["notes"], ax, computed.metric
    ),
    section=section,
    caption=caption,
    chapter="fits",
    place=44,
)

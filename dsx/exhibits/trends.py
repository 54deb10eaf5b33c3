"""How best ranges move with the scale, where the studies are one space at several (RegNet Fig. 11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.trends import rank_agreement, trend, trend_fits
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.exhibits.regimes import regime_of
from dsx.plots.overview import trends as draw_trends


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    regime, at = regime_of(inquiry.studies)
    if not regime:
        return
    tables = {name: inquiry.tables[name] for name in at}
    medians = trend(tables, at, level=inquiry.level)
    if medians.empty:
        return
    shown = {"": medians, "_fits": trend_fits(medians, level=inquiry.level)}
    agreement = rank_agreement(tables, inquiry.level)
    if (agreement["n"] > 3).any():
        shown["_ranks"] = agreement
    yield Computed("trends", shown, values={"regime": regime})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    return Section("Trends", "The studies are of one space at several scales: how the best ranges move with it.")


EXHIBIT = Exhibit(
    "trends",
    compute,
    draw=lambda computed, ax: draw_trends(computed.main, ax, str(computed.values["regime"])),
    section=section,
    caption=lambda computed: Picture("", f"best ranges of parameters against {computed.values['regime']}"),
    chapter="parameters",
    place=36,
    beside_figure=True,
)

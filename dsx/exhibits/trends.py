"""How errors and best ranges move along studies.

With the scale, where the studies are one space at several (RegNet Fig. 11); in the order in which they are given, where
there are three or more, as from AnyNetXA to E.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.points import varied
from dsx.analysis.summary import summarize
from dsx.analysis.trends import rank_agreement, trend, trend_fits
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.exhibits.explored import explored_columns
from dsx.exhibits.regimes import regime_of
from dsx.plots.fits import ORDER
from dsx.plots.overview import draw_trends
from dsx.results.arrays import frame

# studies from which an order of them is a sequence
_SEQUENCE = 3


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    regime, at = regime_of(inquiry.studies)
    columns = None
    if not regime and len(inquiry.models) >= _SEQUENCE:
        regime, at = ORDER, {name: float(place) for place, name in enumerate(inquiry.models, 1)}
        every = list(inquiry.models.values())
        shared = [c for c in explored_columns(inquiry.models) if all(c in models.columns for models in every)]
        columns = [c for c in shared if any(varied(models, [c]) for models in every)]
    if not regime:
        return
    tables = {name: (inquiry.models if regime == ORDER else inquiry.tables)[name] for name in at}
    medians = trend(tables, at, columns, level=inquiry.level)
    if medians.empty and regime != ORDER:
        return
    errors = summarize({name: inquiry.models[name] for name in at}, inquiry.level)
    kept = [f"{what}_error{end}" for what in ("mean", "median", "min") for end in ("", "_low", "_high")]
    rows = [(row["study"], at[row["study"]], *(row[c] for c in ("n", *kept))) for row in errors.to_dict("records")]
    shown = {"": medians, "_errors": frame(rows, ["study", "regime", "n", *kept])}
    if regime != ORDER:
        shown["_fits"] = trend_fits(medians, log=True, level=inquiry.level)
        agreement = rank_agreement(tables, inquiry.level)
        if (agreement["n"] > 3).any():
            shown["_ranks"] = agreement
    yield Computed("trends", shown, level=inquiry.level, values={"regime": regime})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    if shown and shown[0].values["regime"] == ORDER:
        what = (
            f"How {inquiry.metric.plural} and best ranges move along the studies, in the order in which they are given."
        )
        return Section("Trends", what)
    return Section("Trends", "The studies are of one space at several scales: how the best ranges move with it.")


EXHIBIT = Exhibit(
    "trends",
    compute,
    draw=lambda shown, ax: draw_trends(
        shown.main,
        shown.tables["_errors"],
        shown.tables.get("_fits"),
        str(shown.values["regime"]),
        shown.level,
        ax,
        shown.metric,
    ),
    section=section,
    caption=lambda computed: Picture("", f"best ranges of parameters against {computed.values['regime']}"),
    chapter="parameters",
    place=36,
    beside_figure=True,
)

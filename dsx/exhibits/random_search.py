"""How soon random search finds a good model: the expected lowest error (RegNet Fig. 9, NDS Fig. 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.search import random_search
from dsx.analysis.tables import search_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.plots.compare import draw_random_search
from dsx.plots.inputs import counts_in_words


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    curves = {name: random_search(models, level=inquiry.level) for name, models in inquiry.models.items()}
    values = {"curves": curves, "notes": counts_in_words(inquiry.tables)}
    yield Computed("random_search", {"": search_rows(curves)}, values=values)


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    return Section("Random search")


def caption(computed: Computed) -> Picture:
    names = ", ".join(dict.fromkeys(computed.main["study"]))
    return Picture(
        "",
        f"expected lowest error against the number of models tried, for {names}",
        "The lowest error to expect of so many models drawn at random: how soon a search finds a good one.",
    )


EXHIBIT = Exhibit(
    "random_search",
    compute,
    draw=lambda computed, ax: draw_random_search(computed.values["curves"], computed.values["notes"], ax),
    section=section,
    caption=caption,
    chapter="fits",
    place=44,
)

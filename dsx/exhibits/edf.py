"""Error distribution functions: the figure that compares populations (RegNet §3.1)."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.edf import edf
from dsx.analysis.tables import edf_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture
from dsx.plots.edf import draw_edf


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    curves = {name: edf(models["error"], level=inquiry.level) for name, models in inquiry.models.items()}
    absent = [f"{name}: not drawn, no finished model" for name in inquiry.tables if name not in curves]
    notes = [*inquiry.counts, *absent]
    yield Computed("edf", {"": edf_rows(curves)}, values={"curves": curves, "notes": notes})


def caption(computed: Computed) -> Picture:
    names = ", ".join(dict.fromkeys(computed.main["study"]))
    return Picture("", f"{computed.metric.words} distribution functions of {names}", kind="instead")


EXHIBIT = Exhibit(
    "edf",
    compute,
    draw=lambda computed, ax: draw_edf(computed.values["curves"], computed.values["notes"], ax, metric=computed.metric),
    caption=caption,
    chapter="errors",
    place=10,
)

"""Error distribution functions at equal complexity: every bin of flops, params or acts weighs alike (NDS §3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.edf import edf
from dsx.analysis.tables import edf_rows
from dsx.analysis.weights import matched_weights
from dsx.base.errors import DsxError
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.plots.edf import draw_edf
from dsx.results.columns import BY_NAME, COMPLEXITIES


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """One per complexity in which all studies, two or more, overlap: curves weighted to be uniform over the overlap."""
    models = inquiry.models
    for by in COMPLEXITIES if len(models) > 1 else ():
        if not all(by in table.columns for table in models.values()):
            continue
        try:
            weights = matched_weights(models, by)
        except DsxError:
            continue
        # a model outside the window weighs nothing and is not drawn
        curves = {
            name: edf(
                table["error"].to_numpy(float)[weights[name] > 0], weights[name][weights[name] > 0], inquiry.level
            )
            for name, table in models.items()
        }
        alike = f"Weighted so that all {BY_NAME[by].label} in the range that the studies share count alike."
        values = {"curves": curves, "notes": [*inquiry.counts, alike]}
        yield Computed(f"edf_equal_{by}", {"": edf_rows(curves)}, values=values)


EXHIBIT = Exhibit(
    "edf_matched",
    compute,
    draw=lambda computed, ax: draw_edf(computed.values["curves"], computed.values["notes"], ax, metric=computed.metric),
    place=27,
    beside_figure=True,
)

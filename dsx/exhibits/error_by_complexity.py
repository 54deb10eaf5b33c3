"""Mean error and spread of the models in bins of flops, params and acts, of all studies in one figure (NDS Fig. 3)."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.complexity_bins import error_by_complexity
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.plots.by_complexity import draw_error_by_complexity
from dsx.results.columns import COMPLEXITIES

# bins below which there is nothing to see
_FEWEST = 3


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """One per complexity that varies, of two studies or more; of one alone, `scatter` shows every model."""
    for by in COMPLEXITIES if len(inquiry.models) > 1 else ():
        bins = error_by_complexity(inquiry.models, by)
        if bins["low"].nunique() >= _FEWEST:
            yield Computed(f"error_by_{by}", {"": bins}, values={"notes": inquiry.counts})


EXHIBIT = Exhibit(
    "error_by_complexity",
    compute,
    draw=lambda computed, ax: draw_error_by_complexity(computed.main, computed.values["notes"], ax, computed.metric),
    place=28,
    beside_figure=True,
)

"""Error against every parameter of a study, with the range of its likely best value (RegNet Fig. 2, 11)."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.best import best_ranges
from dsx.analysis.points import points_table, varied
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.explored import distinct_columns
from dsx.exhibits.paths import folders
from dsx.plots.overview import draw_scatters
from dsx.results.columns import COSTS


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = study.models
        columns = [*distinct_columns(models), *varied(models, COSTS)]
        if columns:
            ranges = best_ranges(models, columns, level=inquiry.level)
            shown = {"": points_table(models, columns), "_ranges": ranges}
            yield Computed(f"{folder}scatter", shown, study, inquiry.level, {"notes": study.counts})


EXHIBIT = Exhibit(
    "scatter",
    compute,
    draw=lambda shown, ax: draw_scatters(
        shown.main, shown.tables["_ranges"], shown.level, shown.values["notes"], ax, shown.metric
    ),
    place=60,
    compares=False,
    beside_figure=True,
)

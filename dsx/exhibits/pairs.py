"""The parameters that go with the error most, against each other, with the box of the best pair."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.points import boxes_table, leading, points_table, varied
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.explored import explored_columns
from dsx.exhibits.paths import folders
from dsx.plots.overview import draw_pairs
from dsx.results.columns import COSTS, STRUCTURE

# columns of which every pair is drawn
_PAIRED = 4


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = study.models
        parameters = [c for c in varied(models, explored_columns({study.name: models})) if c not in COSTS]
        # what is derived from the parameters goes with them
        sampled = [column for column in parameters if column not in STRUCTURE]
        paired = leading(models, sampled if len(sampled) > 1 else parameters, _PAIRED)
        boxes = boxes_table(models, paired, level=inquiry.level)
        if len(boxes):
            shown = {"": points_table(models, paired), "_boxes": boxes}
            yield Computed(f"{folder}pairs", shown, study, inquiry.level, {"notes": study.counts})


EXHIBIT = Exhibit(
    "pairs",
    compute,
    draw=lambda shown, ax: draw_pairs(shown.main, shown.tables["_boxes"], shown.level, shown.values["notes"], ax),
    place=62,
    compares=False,
    beside_figure=True,
)

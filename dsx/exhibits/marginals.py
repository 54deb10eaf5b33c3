"""How every parameter of a study is distributed, over all models and over the likely best ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsx.analysis.points import marginals_table
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.explored import distinct_columns
from dsx.exhibits.paths import folders
from dsx.plots.population import draw_marginals
from dsx.results.arrays import column

# of the models, whose likely best are shown
_FRACTION = 0.25


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = study.models
        parameters = distinct_columns(models)
        if parameters:
            unknown = {name: int((~np.isfinite(column(models, name))).sum()) for name in parameters}
            values = {"unknown": unknown, "notes": study.counts}
            bars = marginals_table(models, parameters, _FRACTION)
            yield Computed(f"{folder}marginals", {"": bars}, study, inquiry.level, values)


EXHIBIT = Exhibit(
    "marginals",
    compute,
    draw=lambda shown, ax: draw_marginals(shown.main, shown.values["unknown"], _FRACTION, shown.values["notes"], ax),
    place=64,
    compares=False,
    beside_figure=True,
)

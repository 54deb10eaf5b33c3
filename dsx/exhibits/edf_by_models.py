"""Error distribution functions of the first 10, 32, 100 … models of a study (NDS §3).

The curve settles, the lowest error does not: it says how many models there are as much as how good their space is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsx.analysis.edf import edf
from dsx.analysis.tables import edf_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.paths import folders
from dsx.plots.edf import draw_edf
from dsx.results.arrays import frame

# models of the smallest sample, and samples in a factor of ten
_FEWEST, _EACH = 10, 2
# models up to which there are curves; the exhibit `edf` has that of all
_MOST = 10_000


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        errors = study.models["error"].to_numpy(float)
        if len(errors) < 2 * _FEWEST or errors.min() == errors.max():
            continue
        curves = {
            f"first {n:,}" if n < len(errors) else f"all {n:,}": edf(errors[:n], level=inquiry.level)
            for n in sizes(min(len(errors), _MOST))
        }
        parts = [errors[:n] for n in sizes(len(errors))]
        points = [(part.size, part.min(), part.mean(), np.median(part)) for part in parts]
        tables = {"": edf_rows(curves), "_points": frame(points, ["models", "lowest", "mean", "median"])}
        notes = [f"{study.name}: models in the order of the table"]
        yield Computed(f"{folder}edf_by_models", tables, study, inquiry.level, {"curves": curves, "notes": notes})


def sizes(n: int) -> list[int]:
    """10, 32, 100, 316 … and n itself."""
    steps = (round(_FEWEST * 10 ** (step / _EACH)) for step in range(40))
    return [*(size for size in steps if size < n), n]


EXHIBIT = Exhibit(
    "edf_by_models",
    compute,
    draw=lambda shown, ax: draw_edf(
        shown.values["curves"], shown.values["notes"], ax, bands=False, metric=shown.metric, separate=False
    ),
    place=69,
    compares=False,
    beside_figure=True,
)

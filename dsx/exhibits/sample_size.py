"""How many models are enough: distance of smaller samples to the whole population (NDS Fig. 7)."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.sample_size import ks_by_sample_size
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.paths import folders
from dsx.plots.compare import sample_size

# below it there are no smaller samples to speak of
_FEWEST = 8
# resamples per size, and per size of very large populations
_TRIALS, _FEW_TRIALS, _LARGE = 200, 30, 10_000


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = study.models
        if len(models) >= _FEWEST and models["error"].nunique() > 1:
            distances = ks_by_sample_size(models, trials=_TRIALS if len(models) < _LARGE else _FEW_TRIALS)
            title = f"{study.name}: {len(models):,} models that count"
            yield Computed(f"{folder}sample_size", {"": distances}, study, inquiry.level, {"title": title})


EXHIBIT = Exhibit(
    "sample_size",
    compute,
    draw=lambda shown, ax: sample_size(shown.main, ax, name=str(shown.values["title"])),
    place=70,
    compares=False,
    beside_figure=True,
)

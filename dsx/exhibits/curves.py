"""Error over epochs of the best, the median and the worst runs of each study, with that of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.curves import representative_curves
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.exhibits.paths import folders
from dsx.exhibits.studies import EXTREME
from dsx.plots.networks import draw_curves


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        if study.curves is not None and "error" in study.curves.columns and study.curves["epoch"].nunique() > 1:
            runs = int(study.table["error"].notna().sum())
            title = f"{study.name}, n {runs:,}"
            picked = representative_curves(study.curves, each=EXTREME)
            yield Computed(f"{folder}curves", {"": picked}, study, inquiry.level, {"title": title})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    unknown = [study.name for study in inquiry.studied if study.curves is None]
    points = [s.name for s in inquiry.studied if s.curves is not None and s.curves["epoch"].nunique() == 1]
    sentences = [f"No training curves are known of {', '.join(unknown)}."] if unknown else []
    sentences += [f"{', '.join(points)}: one epoch alone is known, which makes no curve."] if points else []
    intro = f"Of each study the {EXTREME} best runs, the median and the {EXTREME} worst." if shown else ""
    return Section(intro=intro, sentences=tuple(sentences))


def caption(computed: Computed) -> Picture:
    name = computed.study_name
    title = f"{name}: {computed.metric.words} over epochs of the best, median and worst runs"
    return Picture("", title, name, kind="half")


EXHIBIT = Exhibit(
    "curves",
    compute,
    draw=lambda shown, ax: draw_curves(shown.main, str(shown.values["title"]), ax, metric=shown.metric),
    section=section,
    caption=caption,
    chapter="curves",
    place=68,
    compares=False,
    beside_figure=True,
)

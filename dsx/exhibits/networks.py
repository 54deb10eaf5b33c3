"""The best networks, block by block, with their quantised-linear fit (RegNet Fig. 8, 15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.points import networks_table
from dsx.base.units import format_number, short
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.exhibits.paths import folders
from dsx.exhibits.pictures import data_url
from dsx.networks.cost import METRICS
from dsx.plots.diagram import network_svg
from dsx.plots.networks import draw_networks
from dsx.plots.style import color
from dsx.recipes.metric import Metric
from dsx.results.arrays import Table
from dsx.results.structure import block_widths_of, stages_in_words, with_stages

# networks of each study in the report
_BEST = 3


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = with_stages(study.models)
        if len(models):
            blocks = networks_table(models, [block_widths_of(stages) for stages in models["stages"]])
            yield Computed(f"{folder}networks", {"": blocks}, study, inquiry.level, {"notes": study.counts})


def sections(shown: Sequence[Computed], inquiry: Inquiry) -> Iterator[Section]:
    """A row of drawings for each study, in its colour."""
    for each in shown:
        assert each.study is not None
        shade = color(inquiry.studies.index(each.study))
        yield Section(each.study_name, pictures=tuple(_best(each, each.study.models, shade, inquiry.metric)))


def _best(computed: Computed, models: Table, shade: str, metric: Metric) -> Iterator[Picture]:
    rows = with_stages(models).sort_values("error", kind="stable").head(_BEST)
    for (_, row), (_, blocks) in zip(rows.iterrows(), computed.main.groupby("rank"), strict=False):
        structure, fit = stages_in_words(row["stages"]), blocks.iloc[0]
        numbers = [f"{format_number(row[c])} {c}" for c in METRICS if c in row.index]
        fitted = "; fit w0 {w0:g}, wa {wa:g}, wm {wm:g}, e_fit {e_fit:.2f}".format(**fit) if fit["e_fit"] >= 0 else ""
        value = f"{short(metric.from_error(row['error']))}{metric.unit_after} {metric.words}"
        named = ", ".join([*([row["model_id"]] if "model_id" in row.index else []), structure])
        caption = f"{value}: {named}; {', '.join(numbers)}{fitted}"
        drawing = network_svg(row["stages"], blocks, shade)
        yield Picture(data_url(drawing.encode()), f"width of each block: {structure}", caption, kind="small")


EXHIBIT = Exhibit(
    "networks",
    compute,
    draw=lambda shown, ax: draw_networks(shown.main, shown.values["notes"], ax, shown.metric),
    sections=sections,
    chapter="best",
    place=66,
    compares=False,
    beside_figure=True,
)

"""The best networks, block by block, with their quantised-linear fit (RegNet Fig. 8, 15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.points import networks_table
from dsx.base.errors import DsxError
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
        models = study.models
        if not len(with_stages(models)):
            continue
        widths = [block_widths_of(stages) if isinstance(stages, list) else None for stages in models["stages"]]
        try:
            blocks = networks_table(models, widths)
        except DsxError:  # too deep to fit: told in the report
            continue
        yield Computed(f"{folder}networks", {"": blocks}, study, inquiry.level, {"notes": study.counts})


def sections(shown: Sequence[Computed], inquiry: Inquiry) -> Iterator[Section]:
    """A row of drawings for each study, in its colour."""
    for index, study in enumerate(inquiry.studies):
        pictures = tuple(_best(study.models, color(index), inquiry.metric))
        if pictures:
            yield Section(study.name, pictures=pictures)


def _best(models: Table, shade: str, metric: Metric) -> Iterator[Picture]:
    rows = with_stages(models)
    if len(rows):
        rows = rows.sort_values([name for name in ("error", "model_id") if name in rows.columns], kind="stable")
    for _, row in rows.head(_BEST).iterrows():
        structure = stages_in_words(row["stages"])
        drawing, fit = network_svg(row["stages"], shade)
        numbers = [f"{format_number(row[c])} {c}" for c in METRICS if c in row.index]
        fitted = f"; fit w0 {fit.w0:g}, wa {fit.wa:g}, wm {fit.wm:g}, e_fit {fit.error:.2f}" if fit else ""
        value = f"{short(metric.from_error(row['error']))}{metric.unit_after} {metric.words}"
        named = ", ".join([*([row["model_id"]] if "model_id" in row.index else []), structure])
        caption = f"{value}: {named}; {', '.join(numbers)}{fitted}"
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

"""How close the networks are to a quantised line, and how that goes with the error (RegNet Fig. 8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.number_words import number, with_interval
from dsx.analysis.points import e_fit_row
from dsx.base.errors import DsxError
from dsx.exhibits.cells import with_ends
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.paths import folders
from dsx.plots.scatter import draw_e_fit
from dsx.results.arrays import frame
from dsx.results.structure import with_stages

_COLUMNS = (
    "study", "networks", "fitted", "e_fit", "best", "best_low", "best_high", "correlation", "correlation_low",
    "correlation_high", "pvalue",
)  # fmt: skip
_HEADERS = ("study", "networks fitted", "median e_fit", "e_fit of the best (range)")
_INTRO = (
    "e_fit is the mean squared log₂ ratio between a network's widths and its best quantised line (w0 + wa·j, in steps"
    " of wm); 0 is a perfect line. A positive rank correlation means that networks further from a line have the higher"
    " {}."
)


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """A row for each study whose networks are known, and figures, where e_fit differs or could not be had."""
    rows, told, figures = [], [], []
    for study, folder in folders(inquiry):
        row: dict[str, object] = {"study": study.name, "networks": len(with_stages(study.models)), "fitted": 0}
        if not row["networks"]:
            continue
        rows.append(row)
        try:
            fits = study.fitted
        except DsxError as reason:
            told.append(f"{study.name}: {reason}")
            continue
        if fits["e_fit"].isna().all():
            continue
        row |= e_fit_row(fits["e_fit"].to_numpy(float), fits["error"].to_numpy(float), level=inquiry.level)
        notes = study.counts
        if len(fits) < len(study.models):
            some = f"{len(fits)} of {len(study.models):,} networks"
            told.append(f"{study.name}: fitted {some}, spread evenly over their ranks.")
            notes.append(f"Fitted, and drawn: {len(fits):,} of {len(study.models):,} finished models.")
        if fits["e_fit"].nunique() > 1:
            values = {"notes": notes, "row": row}
            figures.append(Computed(f"{folder}e_fit", {"": fits}, study, inquiry.level, values))
    if figures or told:
        yield Computed("linear", {"": frame(rows, _COLUMNS)}, level=inquiry.level, values={"notes": told}, drawn=False)
    yield from figures


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """Per study: e_fit of its networks and how it goes with the metric; and what was left out, in words."""
    if not shown:
        return Section()
    (linear, *_), metric = shown, inquiry.metric
    rows = []
    for row in linear.main[linear.main["fitted"] > 0].to_dict("records"):
        low, best, high = (number(row[name], 2) for name in ("best_low", "best", "best_high"))
        correlation = with_interval(*metric.difference(*with_ends(row, "correlation")), places=2)
        fitted = f"{row['fitted']} of {row['networks']}"
        rows.append([row["study"], fitted, number(row["e_fit"], 2), f"{best} ({low}–{high})", correlation])
    notes = tuple(linear.values["notes"])
    if not rows:
        return Section(notes=notes)
    headers = [*_HEADERS, f"rank correlation with {metric.words}"]
    grid = Grid("quantised-linear fits", headers, rows)
    return Section("Linear structure", _INTRO.format(metric.words), grid=grid, notes=notes)


EXHIBIT = Exhibit(
    "linear",
    compute,
    draw=lambda shown, ax: draw_e_fit(
        shown.main, shown.values["row"], shown.values["notes"], ax, shown.level, shown.metric
    ),
    section=section,
    chapter="fits",
    place=40,
    compares=False,
    beside_figure=True,
)

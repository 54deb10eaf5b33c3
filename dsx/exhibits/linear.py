"""How close the networks are to a quantised line, and how that goes with the error (RegNet Fig. 8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dsx.analysis.best import best_range
from dsx.analysis.number_words import number, with_interval
from dsx.analysis.trends import rank_correlation
from dsx.base.errors import DsxError
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.paths import folders
from dsx.plots.scatter import draw_e_fit

_HEADERS = ("study", "networks fitted", "median e_fit", "e_fit of the best (range)")
_INTRO = (
    "e_fit is the mean squared log₂ ratio between a network's widths and its best quantised line (w0 + wa·j, in steps"
    " of wm); 0 is a perfect line. A positive rank correlation means that networks further from a line have the higher"
    " {}."
)


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """A figure where e_fit differs between networks; the report's row of each study whose networks are known."""
    for study, folder in folders(inquiry):
        try:
            fits = study.fitted
        except DsxError:  # too deep to fit: told in the report
            continue
        if fits["e_fit"].nunique() > 1:
            notes = study.counts
            if len(fits) < len(study.models):
                notes.append(f"Fitted, and drawn: {len(fits):,} of {len(study.models):,} finished models.")
            yield Computed(f"{folder}e_fit", {"": fits}, study, inquiry.level, {"notes": notes})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """Per study: e_fit of its networks and how it goes with the metric; and what was left out, in words."""
    metric, rows, notes = inquiry.metric, [], []
    for study in inquiry.studied:
        try:
            fits = study.fitted
        except DsxError as reason:
            notes.append(f"{study.name}: {reason}")
            continue
        e_fit, errors = fits["e_fit"].to_numpy(float), fits["error"].to_numpy(float)
        known = np.isfinite(e_fit)
        if not known.any():
            continue
        if len(fits) < len(study.models):
            some = f"{len(fits)} of {len(study.models):,} networks"
            notes.append(f"{study.name}: fitted {some}, spread evenly over their ranks.")
        ranks = rank_correlation(e_fit, errors, inquiry.level)
        low, median, high = (number(end, 2) for end in best_range(e_fit, errors, level=inquiry.level))
        correlation = with_interval(
            *metric.difference(*(ranks[end] for end in ("correlation", "low", "high"))), places=2
        )
        middle = number(float(np.median(e_fit[known])), 2)
        rows.append([study.name, f"{known.sum()} of {known.size}", middle, f"{median} ({low}–{high})", correlation])
    if not rows:
        return Section(notes=tuple(notes))
    headers = [*_HEADERS, f"rank correlation with {metric.words}"]
    grid = Grid("quantised-linear fits", headers, rows)
    return Section("Linear structure", _INTRO.format(metric.words), grid=grid, notes=tuple(notes))


EXHIBIT = Exhibit(
    "linear",
    compute,
    draw=lambda shown, ax: draw_e_fit(shown.main, shown.values["notes"], ax, level=shown.level, metric=shown.metric),
    section=section,
    chapter="fits",
    place=40,
    compares=False,
    beside_figure=True,
)

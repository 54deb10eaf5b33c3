"""Median and mean error of the first n models of each study, with intervals that hold at every n at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dsx.analysis.confidence_sequences import (
    ConfidenceSequence,
    asymptotic_mean_sequence,
    edf_sequence_half_width,
    mean_sequence,
    quantile_sequence,
)
from dsx.analysis.decisions import drawn_so_far
from dsx.analysis.number_words import with_interval
from dsx.exhibits.cells import with_ends
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Picture, Section
from dsx.plots.compare import draw_any_look
from dsx.plots.edf import BANDED
from dsx.results.arrays import Floats, Table, column, frame

# models at the first look, and at most
_FEWEST, _MOST = 8, 10_000
_COLUMNS = [
    *("study", "models", "median", "median_low", "median_high", "mean", "mean_low", "mean_high", "mean_method"),
    "edf_half_width",
]


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    rows: list[tuple[object, ...]] = []
    medians: dict[str, ConfidenceSequence] = {}
    for study in inquiry.studied:
        models, _ = drawn_so_far(study.table, study.name)
        errors = column(models, "error")[:_MOST]
        if errors.size < _FEWEST:
            continue
        n = looks(errors.size)
        median, mean = quantile_sequence(errors, looks=n, level=inquiry.level), _mean(errors, n, inquiry.level)
        widths = edf_sequence_half_width(n, inquiry.level)
        medians[study.name] = median
        rows += [
            (study.name, size, *(s[i] for s in (median.estimate, median.low, median.high)),
             *(s[i] for s in (mean.estimate, mean.low, mean.high)), mean.method, widths[i])
            for i, size in enumerate(n)
        ]  # fmt: skip
    if rows:
        values = {"medians": medians, "notes": inquiry.counts}
        yield Computed("any_look", {"": frame(rows, _COLUMNS)}, level=inquiry.level, values=values)


def looks(n: int) -> list[int]:
    """8, 16, 32 … and n itself."""
    doubled = (_FEWEST * 2**step for step in range(40))
    return [*(size for size in doubled if size < n), n]


def _mean(errors: Floats, n: Sequence[int], level: float) -> ConfidenceSequence:
    """Exact where all errors are percentages, as then no later one is beyond 0 to 100."""
    bounded = errors.min() >= 0 and errors.max() <= 100
    return (mean_sequence if bounded else asymptotic_mean_sequence)(errors, looks=n, level=level)


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    order = [note for study in inquiry.studied for note in drawn_so_far(study.table, study.name)[1]]
    told = () if inquiry.decided.pairs else tuple(order)
    if not shown:
        return Section("At any look", notes=told) if told else Section()
    (computed,), metric, level = shown, inquiry.metric, f"{100 * inquiry.level:g} %"
    last: Table = computed.main.groupby("study", sort=False).tail(1)
    rows = [
        [
            row["study"],
            f"{row['models']:,}",
            *(with_interval(*metric.interval(*with_ends(row, name))) for name in ("median", "mean")),
            f"± {row['edf_half_width']:.2f}",
        ]
        for _, row in last.iterrows()
    ]
    unit = metric.unit_after
    headers = ["study", "models in order", f"median {metric.words}{unit}", f"mean {metric.words}{unit}", "EDF within"]
    methods = np.unique(last["mean_method"])
    means = (
        "of percentages within 0 to 100, as no number of models rules out rare bad ones" if "exact" in methods else ""
    )
    limits = "of what is no percentage in the limit, from 128 models on" if "asymptotic" in methods else ""
    note = (
        f"Each of these {level} intervals holds at every number of models at once, so a growing study may be read at"
        f" any time; the others of this chapter hold at one look. They are conservative; means:"
        f" {'; '.join(filter(None, (means, limits)))}. Models count up to the first that is still to be trained."
    )
    return Section("At any look", grid=Grid("intervals that hold at any look", headers, rows), notes=(note, *told))


def caption(computed: Computed) -> Picture:
    names = ", ".join(dict.fromkeys(computed.main["study"]))
    words = computed.metric.words
    shaded = ", with what may be said of it at any look" if len(computed.values["medians"]) <= BANDED else ""
    return Picture(
        "",
        f"median {words} of the first models, against their number, for {names}",
        f"The median {words} of so many models, in the order of drawing{shaded}.",
    )


EXHIBIT = Exhibit(
    "any_look",
    compute,
    draw=lambda computed, ax: draw_any_look(computed.values["medians"], computed.values["notes"], ax, computed.metric),
    section=section,
    caption=caption,
    chapter="errors",
    place=13,
)

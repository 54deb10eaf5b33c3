"""Lowest, mean and median error of each study, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.bootstrap import models_for_mean
from dsx.analysis.number_words import with_interval
from dsx.analysis.summary import summarize
from dsx.base.text import align
from dsx.exhibits.cells import with_ends
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.results.states import STATES


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("summary", {"": summarize(inquiry.tables, inquiry.level)})


def told(computed: Computed) -> list[str]:
    """The table of a comparison: n, the models that count; runs by state; min, mean and median error with intervals.

    The number of runs is told where models have several.
    """
    runs = ["runs"] if (computed.main["runs"] != computed.main["models"]).any() else []
    counts = ("n", *runs, *STATES)
    metric = computed.metric
    names = (metric.short_extreme, "mean", "median")
    rows = [["", *counts, *(f"{name} {metric.words}{metric.unit_after}" for name in names)]]
    for _, row in computed.main.iterrows():
        numbers = [metric.interval(*with_ends(row, f"{name}_error")) for name in ("min", "mean", "median")]
        rows.append([row["study"], *(str(row[count]) for count in counts), *(with_interval(*n) for n in numbers)])
    return [align(rows)]


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    metric = inquiry.metric
    kinds = ("mean", "median", metric.extreme)
    headers = ["study", "models that count", *(f"{kind} {metric.words}{metric.unit_after}" for kind in kinds)]
    (computed,) = shown
    rows = [
        [
            row["study"],
            f"{row['n']:,}",
            *(with_interval(*metric.interval(*with_ends(row, f"{name}_error"))) for name in ("mean", "median", "min")),
        ]
        for _, row in computed.main.iterrows()
    ]
    note = (
        f"In brackets: {100 * inquiry.level:g} % intervals. The mean's is a bootstrap (BCa), told of"
        f" {models_for_mean(inquiry.level)} models or more, as rare bad ones must have shown themselves; the median's,"
        f" from order statistics, is conservative, and so is that of the {metric.extreme} {metric.words}, of what as"
        " many fresh models would reach on average."
    )
    return Section(grid=Grid(f"{metric.plural} of each study", headers, rows), notes=(note,))


EXHIBIT = Exhibit("summary", compute, told=told, section=section, chapter="errors", place=12)

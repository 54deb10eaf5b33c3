"""Several metrics of each model side by side: what a training of the user's own reports besides what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.number_words import with_interval
from dsx.analysis.summary import summarize
from dsx.exhibits.cells import with_ends
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.studies import by_metric
from dsx.results.arrays import frame

_COLUMNS = ["study", "metric", "unit", "better", "n", "mean", "mean_low", "mean_high"]
_COLUMNS += ["median", "median_low", "median_high", "best"]


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """A row for each study and metric, in the metrics' own values; nothing where every study has but one."""
    rows = []
    for study in inquiry.studied:
        for metric in study.metrics if len(study.metrics) > 1 else ():
            row = summarize({study.name: by_metric(study, metric.name).table}, inquiry.level).iloc[0]
            mean, median = (metric.interval(*with_ends(row, f"{name}_error")) for name in ("mean", "median"))
            best = metric.from_error(row["min_error"])
            rows.append((study.name, metric.name, metric.unit, metric.better, row["n"], *mean, *median, best))
    if rows:
        yield Computed("metrics", {"": frame(rows, _COLUMNS)})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    rows = [
        [
            f"{row['study']}: {row['metric']}{f' ({unit})' if (unit := row['unit']) else ''}",
            *(with_interval(*with_ends(row, name)) for name in ("mean", "median")),
            f"{row['best']:.4g} ({'lowest' if row['better'] == 'lower' else 'highest'})",
        ]
        for computed in shown
        for _, row in computed.main.iterrows()
    ]
    if not rows:
        return Section()
    note = f"Studies are compared by {inquiry.metric.words}; `dsx analyze --metric` compares them by another."
    return Section(
        "All metrics", grid=Grid("metrics of each study", ["", "mean", "median", "best"], rows), notes=(note,)
    )


EXHIBIT = Exhibit("metrics", compute, section=section, chapter="errors", place=13)

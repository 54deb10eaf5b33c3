"""By how much each pair of studies differs: means, trimmed means and medians. It describes; verdicts decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.bootstrap import models_for_mean
from dsx.analysis.comparison import compare_all
from dsx.analysis.number_words import with_interval
from dsx.exhibits.cells import with_ends
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("comparison", {"": compare_all(inquiry.models, inquiry.level, inquiry.decided, inquiry.metric)})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    (computed,) = shown
    metric = inquiry.metric
    headers = ["A – B", f"mean {metric.words} A − B", "trimmed mean A − B", "median A − B", "KS distance"]
    rows = [
        [
            f"{row['a']} – {row['b']}",
            *(
                with_interval(*metric.difference(*with_ends(row, f"{name}_difference")))
                for name in ("mean", "trimmed", "median")
            ),
            f"{row['ks']:.2f}",
        ]
        for _, row in computed.main.iterrows()
    ]
    if not rows:
        return Section()
    note = (
        f"In {metric.points}, A less B; in brackets {100 * inquiry.level:g} % intervals, those of a column for all"
        " pairs at once. They say by how much studies differ; which is better the verdicts say. The mean's is"
        f" told of {models_for_mean(1 - (1 - inquiry.level) / len(rows))} models of both or more, as rare bad ones must"
        " have shown themselves; the trimmed mean leaves out the lowest and the highest fifth."
    )
    return Section(grid=Grid(f"differences between studies, in {metric.points}", headers, rows), notes=(note,))


EXHIBIT = Exhibit("comparison", compute, section=section, chapter="comparison", place=20)

"""Every pair of studies at equal complexity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.weights import matched_table
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Section

# sentences that the report shows; more are read in the table
_MOST = 6


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    table = matched_table(inquiry.models, level=inquiry.level, decided=inquiry.decided, metric=inquiry.metric)
    yield Computed("matched", {"": table})


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """Comparisons at equal flops, in words; at equal params and acts are in the table."""
    (computed,) = shown
    table = computed.main
    known = (table["by"] == "flops") & table["mean_difference"].notna()
    sentences = tuple(table.loc[known, "words"])
    return Section("At equal complexity", sentences=sentences if len(sentences) <= _MOST else ())


EXHIBIT = Exhibit("matched", compute, section=section, chapter="comparison", place=24)

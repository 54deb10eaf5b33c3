"""Where the EDF of one study is above the other's: which is ahead somewhere, by the verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.tables import dominance_table
from dsx.exhibits.cells import of_metric
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    table = dominance_table(inquiry.models, inquiry.level, inquiry.decided)
    table["words"] = [of_metric(words, inquiry.metric) for words in table["words"]]
    yield Computed("dominance", {"": table})


EXHIBIT = Exhibit("dominance", compute, place=22)

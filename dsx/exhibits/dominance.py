"""Where the EDF of one study is above the other's: which is ahead somewhere, by the verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.tables import dominance_table
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("dominance", {"": dominance_table(inquiry.models, inquiry.level, inquiry.decided)})


EXHIBIT = Exhibit("dominance", compute, place=22)

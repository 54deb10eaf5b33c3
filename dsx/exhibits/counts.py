"""How many models there are in each state: nothing that was sampled is lost."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.tables import counts_table
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("counts", {"": counts_table(inquiry.tables)})


EXHIBIT = Exhibit("counts", compute, place=0)

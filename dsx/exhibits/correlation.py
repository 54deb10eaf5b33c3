"""How each parameter and complexity goes with the error: rank correlations."""

from __future__ import annotations

from collections.abc import Iterator

from dsx.analysis.tables import correlation_table
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("correlation", {"": correlation_table(inquiry.tables, inquiry.level)})


EXHIBIT = Exhibit("correlation", compute, place=32)

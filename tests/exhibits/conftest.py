"""Two made-up studies of real networks, and what an exhibit computes of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from report.conftest import made_up, with_failures

from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry

Compute = Callable[[Exhibit], list[Computed]]


@pytest.fixture(scope="session")
def inquiry() -> Inquiry:
    """A (24 done) and E (22 done, 1 diverged at 90 %, 1 failed), E the better one."""
    return Inquiry([made_up("A", shift=2.0, space="AnyNetXA-digits"), with_failures(made_up("E"))])


@pytest.fixture
def computed(inquiry: Inquiry) -> Compute:
    return lambda exhibit: list(exhibit.compute(inquiry))

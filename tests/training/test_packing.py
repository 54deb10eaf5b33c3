"""How many models share a GPU, from stand-in measurements."""

from __future__ import annotations

import pytest

from dsx.training.packing import models_together
from dsx.training.preflight import Estimate

GB = 10**9


def row(busy: float | None, peak_bytes: int | None = GB // 10) -> Estimate:
    return Estimate("median", "abc", 10**6, 100.0, 0.0, peak_bytes, 1.0, busy=busy)


@pytest.mark.parametrize(
    ("busy", "expected"), [((1.0,), 1), ((0.6,), 2), ((0.5,), 2), ((0.1, 0.2, 0.9), 5), ((0.05, 0.05, 0.3), 16)]
)
def test_as_many_as_fill_it_by_the_median(busy: tuple[float, ...], expected: int) -> None:
    assert models_together([row(share) for share in busy], 80 * GB, cores=16) == expected


def test_the_largest_must_fit_as_often_with_what_a_process_needs_besides() -> None:
    rows = [row(0.01, GB), row(0.01, 2 * GB), row(0.01, 9 * GB)]
    assert models_together(rows, 80 * GB, cores=100) == 7  # 72 GB for 10.07 each
    assert models_together(rows, 10 * GB, cores=100) == 1


def test_every_process_has_a_core() -> None:
    assert models_together([row(0.01)], 80 * GB, cores=6) == 6


@pytest.mark.parametrize("rows", [[], [row(None)], [row(0.1), row(None)], [row(0.1), row(0.1, None)]])
def test_one_where_something_was_not_measured(rows: list[Estimate]) -> None:
    assert models_together(rows, 80 * GB, cores=16) == 1

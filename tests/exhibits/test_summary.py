"""The table of errors, in the terminal and in the report."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.exhibits.summary import EXHIBIT


def test_numbers_are_those_of_the_models(computed, inquiry):
    row = computed(EXHIBIT)[0].main.set_index("study").loc["A"]
    errors = inquiry.tables["A"]["error"].to_numpy()
    assert row["mean_error"] == pytest.approx(errors.mean())
    assert row["median_error"] == pytest.approx(np.median(errors))
    assert row["min_error"] == errors.min()


def test_the_terminal_and_the_report_show_the_same_numbers(computed, inquiry):
    each = computed(EXHIBIT)
    (told,) = EXHIBIT.told(each[0])
    grid = EXHIBIT.section(each, inquiry).grid
    assert [row[0] for row in grid.rows] == ["A", "E"]
    for row in grid.rows:
        line = next(line for line in told.splitlines() if line.split()[0] == row[0])
        assert row[2] in line  # mean error with its interval
    assert "95 % intervals" in EXHIBIT.section(each, inquiry).notes[0]

"""Numbers as cells."""

from __future__ import annotations

import math

import pytest

from dsx.exhibits.cells import pvalue_cell, short_cell, value_cell


def test_a_value_of_a_row_has_its_interval_where_there_is_one():
    assert value_cell({"x": 3.25, "x_low": 3.1, "x_high": 3.4}, "x", 2) == "3.25 (3.10–3.40)"
    assert value_cell({"x": 3.25, "x_low": math.nan, "x_high": math.nan}, "x", 2) == "3.25"


@pytest.mark.parametrize(("p", "cell"), [(math.nan, "–"), (0.0004, "p < 0.001"), (0.0123, "p = 0.012")])
def test_p_values(p, cell):
    assert pvalue_cell(p) == cell


@pytest.mark.parametrize(
    ("value", "cell"), [(0.1534, "0.153"), (24.5, "24.5"), (1360.4, "1,360"), (4.2e6, "4.2M"), (-2.0, "−2")]
)
def test_three_digits(value, cell):
    assert short_cell(value) == cell

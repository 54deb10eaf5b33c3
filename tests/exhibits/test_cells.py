"""Numbers as cells."""

from __future__ import annotations

import math

import pytest

from dsx.exhibits.cells import interval_cell, pvalue_cell, short_cell, value_cell


def test_a_dash_is_never_beside_a_minus_sign():
    assert interval_cell(49.0, 48.2, 49.8, 1) == "49.0 (48.2–49.8)"
    assert interval_cell(-0.1, -0.4, 0.2, 1) == "−0.1 (−0.4 to 0.2)"


def test_a_value_without_an_interval_stands_alone():
    assert interval_cell(3.25, math.nan, math.nan, 2) == "3.25"
    assert value_cell({"x": 3.25, "x_low": math.nan, "x_high": math.nan}, "x", 2) == "3.25"


@pytest.mark.parametrize(("p", "cell"), [(math.nan, "–"), (0.0004, "p < 0.001"), (0.0123, "p = 0.012")])
def test_p_values(p, cell):
    assert pvalue_cell(p) == cell


@pytest.mark.parametrize(
    ("value", "cell"), [(0.1534, "0.153"), (24.5, "24.5"), (1360.4, "1,360"), (4.2e6, "4.2M"), (-2.0, "−2")]
)
def test_three_digits(value, cell):
    assert short_cell(value) == cell

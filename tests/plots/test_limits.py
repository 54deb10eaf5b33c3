"""Ends and ticks of axes."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.plots.limits import error_limits, suit_axis
from dsx.plots.style import new_axes


def test_a_few_far_models_are_left_beyond_the_end_and_counted():
    errors = np.append(np.linspace(30, 40, 99), 90.0)
    low, high, beyond = error_limits([errors])
    assert 29 < low < 30
    assert 40 < high < 41
    assert beyond == "1 of 100 models, at 90 % error."


def test_without_far_models_all_are_inside():
    errors = np.linspace(30, 40, 100)
    low, high, beyond = error_limits([errors, errors + 2])
    assert (low < 30, high > 42, beyond) == (True, True, "")


def test_equal_errors_have_room_around_them():
    low, high, _ = error_limits([np.full(5, 30.0)])
    assert high - low == pytest.approx(0.5)


def test_errors_near_zero_do_not_open_the_axis_below_it():
    assert error_limits([np.array([0.0, 1.0])])[0] == 0


def ticks(values: list[float]) -> tuple[str, list[float]]:
    ax = new_axes()
    suit_axis(ax, np.array(values, dtype=float))
    ax.set_xlim(min(values), max(values))
    return ax.get_xscale(), ax.get_xticks().tolist()


def test_few_whole_numbers_have_ticks_at_themselves_on_log_axes_where_they_span_a_factor_of_four():
    assert ticks([1, 2, 4, 2]) == ("log", [1, 2, 4])
    assert ticks([8, 16]) == ("linear", [8, 16])
    assert ticks([3, 5, 7, 8]) == ("linear", [3, 5, 7, 8])
    assert ticks([0.5, 0.25, 1]) == ("linear", [0.25, 0.5, 1])
    # powers of two among many, of others every so-many-th
    assert ticks([*range(8, 136, 8)]) == ("log", [8, 16, 32, 64, 128])
    assert ticks([*range(10, 20)]) == ("linear", [10, 12, 14, 16, 18])
    # whose labels would stand on one another
    assert ticks([4, 6, 8, 12, 14, 22]) == ("log", [4, 6, 8, 12, 22])
    assert ticks([1, 2, 3, 5, 7, 8]) == ("log", [1, 2, 3, 5, 8])
    # blocks are counted evenly
    assert ticks([*range(0, 9)]) == ("linear", [0, 2, 4, 6, 8])
    scale, powers = ticks([*range(16, 1025, 8)])
    assert scale == "log"
    assert {16, 64, 256, 1024} <= set(powers)


@pytest.mark.parametrize(("values", "log"), [([1.5, 19], False), ([1, 20], True), ([0, 100], False), ([-1, 50], False)])
def test_an_axis_is_logarithmic_from_a_factor_of_twenty(values, log):
    ax = new_axes()
    assert suit_axis(ax, np.array(values, dtype=float)) is log
    assert ax.get_xscale() == ("log" if log else "linear")

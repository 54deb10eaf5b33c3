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


@pytest.mark.parametrize(("values", "log"), [([1, 19], False), ([1, 20], True), ([0, 100], False), ([-1, 50], False)])
def test_an_axis_is_logarithmic_from_a_factor_of_twenty(values, log):
    ax = new_axes()
    assert suit_axis(ax, np.array(values, dtype=float)) is log
    assert ax.get_xscale() == ("log" if log else "linear")

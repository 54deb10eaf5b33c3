"""Numbers with as many decimals as their interval deserves."""

from __future__ import annotations

import math

import pytest

from dsx.analysis.number_words import decimals, in_points, number, points, spread, with_interval


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [(48.0, 49.0, 1), (48.0, 48.5, 1), (48.0, 48.4, 2), (0.25, 0.3125, 2), (48.0, 48.04, 3), (0.3, 0.2, 2)],
)
def test_narrower_intervals_have_more_decimals(low, high, places):
    assert decimals(low, high) == places


@pytest.mark.parametrize(("low", "high"), [(2.0, 2.0), (math.nan, 3.0), (0.0, math.inf)])
def test_an_interval_without_a_width_has_one_decimal(low, high):
    assert decimals(low, high) == 1


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1.04, 1, "1.0"),
        (-0.1, 1, "−0.1"),
        (-0.04, 1, "0.0"),
        (-0.04, 2, "−0.04"),
        (math.nan, 1, "–"),
        (1234.5, 0, "1234"),
    ],
)
def test_a_number_has_a_true_minus_sign_and_no_negative_zero(value, places, text):
    assert number(value, places) == text


def test_a_value_has_the_decimals_of_its_interval():
    assert points(1.23456, 1.23, 1.24) == "1.235"
    assert with_interval(49.0, 48.2, 49.8) == "49.0 (48.2–49.8)"
    assert with_interval(0.5, 0.47, 0.53) == "0.50 (0.47–0.53)"
    assert with_interval(-0.1, -0.4, 0.2, 2) == "−0.10 (−0.40 to 0.20)"


def test_one_point_is_no_points():
    assert (in_points(1), in_points(0.5), in_points(2)) == ("1 point", "0.5 points", "2 points")


def test_an_interval_with_a_negative_end_is_joined_by_a_word():
    assert spread(0.4, 1.6) == "0.4–1.6"
    assert spread(-0.6, 0.4) == "−0.6 to 0.4"
    assert spread(-2.0, -1.0) == "−2.0 to −1.0"


def test_what_could_not_be_had_is_a_dash_and_no_interval_no_bracket():
    assert spread(math.nan, 0.4) == "––0.4"
    assert with_interval(49.04, math.nan, math.nan) == "49.0"

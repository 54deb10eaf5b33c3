from __future__ import annotations

import math

import pytest

from dsx.base.errors import DsxError
from dsx.base.units import (
    duration,
    format_number,
    format_percent,
    format_range,
    parse_count,
    parse_number,
    parse_range,
    rate,
    short,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("400M", 4e8), ("1.6G", 1.6e9), ("4e8", 4e8), ("12k", 12e3), (" 5 ", 5.0), (".5M", 5e5), (7, 7.0)],
)
def test_numbers_as_people_write_them(text: str | float, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["", "M", "4x", "1 2", "400MB", "nan", True])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(DsxError, match=r"is not a number: write it as 400M, 1\.6G or 4e8"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "ends"), [("360M:400M", (3.6e8, 4e8)), (":10M", (0, 1e7)), ("1G:", (1e9, math.inf)), ("5:5", (5, 5))]
)
def test_ranges_have_inclusive_or_open_ends(text: str, ends: tuple[float, float]) -> None:
    assert parse_range(text) == ends
    assert parse_range(format_range(*ends)) == ends


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("400M:360M", "'400M:360M' is an empty range: its low end is above its high end; did you mean 360M:400M?"),
        ("400M", "'400M' is not a range: write low:high, low: or :high, as in 360M:400M"),
        (":", "':' is not a range: write low:high, low: or :high, as in 360M:400M"),
        ("-1:5", "'-1:5' holds a negative number: a complexity is ≥ 0"),
        ("a:5", "'a' is not a number: write it as 400M, 1.6G or 4e8"),
    ],
)
def test_bad_ranges_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(DsxError) as caught:
        parse_range(text)
    assert str(caught.value) == message


def test_numbers_are_shown_with_the_largest_suffix() -> None:
    assert [format_number(x) for x in (4e8, 1.25e7, 999, 1.6e9, 1500)] == ["400M", "12.5M", "999", "1.6G", "1.5k"]


def test_shares_are_shown_in_percent_with_two_digits_and_never_as_powers_of_ten() -> None:
    shares = (0, 0.00263, 0.0262, 0.123, 0.994, 0.9949, 0.995, 0.9999, 1)
    assert [format_percent(x) for x in shares] == ["0", "0.26", "2.6", "12", "99", "99", "99.5", "100", "100"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (12 * 60, "12 min"),
        (89 * 60, "89 min"),
        (90 * 60, "1.5 h"),
        (4.8 * 3600, "4.8 h"),
        (72 * 3600, "3.0 d"),
        (3.2 * 86400, "3.2 d"),
    ],
)
def test_durations_have_the_unit_that_people_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(17.42, "17.4"), (720, "720"), (0.1234, "0.123"), (99.96, "100"), (999.6, "1,000"), (12345.6, "12,346")],
)
def test_three_digits_or_all_before_the_point_and_no_exponent(number: float, text: str) -> None:
    assert short(number) == text
    assert short(-number) == f"−{text}"
    assert rate(number) == f"{text} models/h"


@pytest.mark.parametrize(
    ("text", "value"), [("500", 500), ("1e3", 1000), ("10k", 10_000), ("-1", -1), ("2.5k", 2500), (f"{10**20}", 10**20)]
)
def test_whole_numbers_as_people_write_them(text: str, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize("text", ["", "1.5", "ten", "1e400", "nan", "0.1k5"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(DsxError) as refusal:
        parse_count(text)
    assert str(refusal.value) == f"{text!r} is not a whole number: write it as 500, 1e3 or 10k"

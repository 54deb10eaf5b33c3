from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.results.cells import Numbers, numbers_in

NAN = float("nan")


def read(*cells, **options) -> Numbers:
    found = numbers_in(pd.Series(list(cells), dtype=object), **options)
    assert isinstance(found, Numbers), found
    return found


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1", "2.5", "-3e2"), (1, 2.5, -300)),
        (("60,5", "7"), (60.5, 7)),
        (("1.234,5", "7"), (1234.5, 7)),
        (("1,234.5", "7"), (1234.5, 7)),
        (("1,234,567", "1,234"), (1234567, 1234)),
        (("1.234.567", "1.234"), (1234567, 1234)),
        (("1 234", "1\u202f234.5"), (1234, 1234.5)),
        (("1'234'567", "1_234"), (1234567, 1234)),
        (("−3", "+4"), (-3, 4)),
        (("inf", "-Infinity", "∞"), (np.inf, -np.inf, np.inf)),
        (("nan", "N/A", "", None, "–", "1"), (NAN,) * 5 + (1,)),
    ],
)
def test_numbers_are_read_as_they_are_meant(cells, values):
    found = read(*cells)
    assert found.values.tolist() == pytest.approx(list(values), nan_ok=True)
    assert (found.percent, found.ambiguous) == ("none", "")


def test_percent_signs_are_told():
    assert (read("29.3%", "4 %").values.tolist(), read("29.3%", "4 %").percent) == ([29.3, 4], "all")
    assert read("29.3%", "4").percent == "some"
    assert read("29,3%", "").values[0] == 29.3


def test_a_comma_before_three_digits_is_what_the_caller_says_or_open():
    assert read("1,234", "5").ambiguous == "1,234"
    assert read("1,234", "5", comma="decimal").values.tolist() == [1.234, 5]
    assert read("1,234", "5", comma="thousands").values.tolist() == [1234, 5]
    assert read("0,123", "5").values.tolist() == [0.123, 5]


def test_suffixes_count_only_where_they_are_asked_for():
    assert read("400M", "1.6G", "3k", suffixes=True).values.tolist() == [4e8, 1.6e9, 3000]
    assert numbers_in(pd.Series(["400M"])) == "400M"


@pytest.mark.parametrize("cell", ["OOM", "12,34,56", "1.2.3", "3 apples", "0x10", "1,2.3,4"])
def test_what_is_no_number_is_given_back(cell):
    assert numbers_in(pd.Series(["1", cell])) == cell


def test_columns_of_numbers_are_taken_as_they_are():
    assert numbers_in(pd.Series([1, 2])).values.tolist() == [1, 2]
    assert np.isnan(numbers_in(pd.Series([1, None], dtype="Int64")).values[1])

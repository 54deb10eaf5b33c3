"""Columns of numbers, checked, with messages that say which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.results.arrays import (
    check_count,
    check_level,
    check_share,
    column,
    frame,
    is_table,
    number_array,
    weight_array,
)


@pytest.mark.parametrize(
    "values", [[1, 2.5, np.nan], (1, 2.5, np.nan), np.array([1, 2.5, np.nan]), pd.Series([1, 2.5, np.nan])]
)
def test_any_sequence_of_numbers_is_an_array(values):
    assert number_array(values, "errors").tolist() == pytest.approx([1, 2.5, np.nan], nan_ok=True)


def test_pandas_own_missing_value_is_nan():
    values = number_array(pd.Series([3, None], dtype="Int64"), "errors")
    assert values.dtype == np.float64
    assert values.tolist() == pytest.approx([3, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b"], "errors: not numbers: expected a sequence of numbers or a results table"),
        ([[1, 2], [3]], "errors: not numbers: expected a sequence of numbers or a results table"),
        ([[1, 2], [3, 4]], "errors: shape (2, 2): expected one dimension, one value per model"),
        (3.0, "errors: shape (): expected one dimension, one value per model"),
    ],
)
def test_what_is_no_column_is_refused(values, message):
    with pytest.raises(DsxError) as refused:
        number_array(values, "errors")
    assert str(refused.value) == message


def test_weights_are_scaled_to_one():
    assert weight_array([1, 0, 3], 3).tolist() == [0.25, 0, 0.75]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], "weights: 2 weights for 3 models: give one per model"),
        ([1, 2, -1], "weights: weights are finite numbers ≥ 0, of which at least one is above 0"),
        ([0, 0, 0], "weights: weights are finite numbers ≥ 0, of which at least one is above 0"),
        ([1, 2, np.nan], "weights: weights are finite numbers ≥ 0, of which at least one is above 0"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(DsxError) as refused:
        weight_array(weights, 3)
    assert str(refused.value) == message


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_a_level_lies_between_0_and_1(level):
    with pytest.raises(DsxError) as refused:
        check_level(level)
    assert str(refused.value) == f"level = {level}: expected a share between 0 and 1, such as 0.95"
    assert check_level(0.95) == 0.95


@pytest.mark.parametrize("share", [0, 1.01, np.nan])
def test_a_share_may_be_all_and_not_nothing(share):
    with pytest.raises(DsxError) as refused:
        check_share(share, "fraction")
    assert str(refused.value) == f"fraction = {share}: expected a share above 0 and at most 1, such as 0.25"
    assert check_share(1, "fraction") == 1.0


def test_a_table_has_its_columns_also_without_rows():
    assert frame([], ["a", "b"]).columns.tolist() == ["a", "b"]
    assert frame([(1, 2)], ["a", "b"]).to_dict("list") == {"a": [1], "b": [2]}
    assert is_table(frame([], ["a"]))
    assert not is_table({"a": [1]})


def test_a_misspelt_column_has_a_near_miss():
    table = pd.DataFrame({"flops": [1, 2], "acts": [3, 4]})
    assert column(table, "acts").tolist() == [3.0, 4.0]
    with pytest.raises(DsxError) as refused:
        column(table, "flop")
    assert str(refused.value) == "results table: no column 'flop'. Did you mean flops?"


@pytest.mark.parametrize("given", ["0.9", None, [0.9]])
def test_what_is_no_number_at_all_is_refused_as_one_that_does_not_fit(given):
    checks = {
        "level": (lambda: check_level(given), "a share between 0 and 1, such as 0.95"),
        "share": (lambda: check_share(given, "share"), "a share above 0 and at most 1, such as 0.25"),
        "n": (lambda: check_count(given, "n"), "an integer ≥ 1"),
    }
    for name, (check, rule) in checks.items():
        with pytest.raises(DsxError) as refused:
            check()
        assert str(refused.value) == f"{name} = {given!r}: expected {rule}"

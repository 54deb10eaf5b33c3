"""Aligned columns and counted nouns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsx.base.text import align, json_text, listed, plural


def test_the_first_column_is_flush_left_and_the_others_right():
    assert align([["name", "n", "error"], ["a", "500", "4.2"], ["longer", "7", "12.25"]]) == (
        "  name      n  error\n  a       500    4.2\n  longer    7  12.25"
    )


def test_indent_and_the_number_of_left_columns_may_be_given():
    assert align([["a", "bb", "c"], ["aa", "b", "cc"]], left=2) == "  a   bb   c\n  aa  b   cc"


def test_no_line_ends_in_blanks():
    assert align([["name", "note"], ["a", ""]], left=2) == "  name  note\n  a"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 models"), (1, "1 model"), (2, "2 models"), (1234567, "1,234,567 models")]
)
def test_nouns_are_counted(count, text):
    assert plural(count, "model") == text


@pytest.mark.parametrize(("names", "text"), [(["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")])
def test_names_are_listed(names, text):
    assert listed(names) == text


def test_what_json_does_not_have_becomes_null_and_numbers_of_numpy_become_plain():
    value = {"a": [math.nan, np.float64(1.5), np.int64(2)], "b": (math.inf, "ß", None, True)}
    assert json_text(value) == '{"a": [null, 1.5, 2], "b": [null, "ß", null, true]}'

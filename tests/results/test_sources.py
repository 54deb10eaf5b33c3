"""Where a result column of a table from elsewhere comes from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.results.sources import ColumnSource, has_column, source, sources_in

PATH = Path("mine.csv")


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("top1", ColumnSource("top1"), "'top1'"),
        ("100-acc", ColumnSource("acc", complement=True), "100 − 'acc'"),
        ("100 - 100*acc", ColumnSource("acc", 100, True, True), "100 − 100·'acc'"),
        ("1e9*gflops", ColumnSource("gflops", 1e9, False, True), "1e+09·'gflops'"),
        ("1*loss", ColumnSource("loss", 1, False, True), "'loss'"),
    ],
)
def test_a_formula_is_a_column_a_factor_and_perhaps_what_it_lacks_to_100(text, expected, shown):
    assert source(text, ["unrelated"]) == expected
    assert str(expected) == shown


def test_a_column_that_looks_like_a_formula_is_taken_as_it_is():
    assert source("100-acc", ["100-acc", "acc"]) == ColumnSource("100-acc")


def test_whether_what_was_given_names_a_column():
    assert has_column("100-acc", ["acc"])
    assert not has_column("100-acc", ["top1"])
    assert not has_column(" ", ["acc"])


def test_columns_are_known_by_name_whatever_its_letter_case():
    table = pd.DataFrame(columns=["Error", "FLOPS", "Status", "depth"])
    assert sources_in(table, PATH, {}) == {
        "error": ColumnSource("Error"), "flops": ColumnSource("FLOPS"), "state": ColumnSource("Status"),
    }  # fmt: skip


def test_what_was_given_comes_before_a_column_of_the_name():
    table = pd.DataFrame(columns=["error", "top1_err"])
    assert sources_in(table, PATH, {"error": "top1_err"})["error"] == ColumnSource("top1_err")


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (
            ["top1", "depth"],
            {"error": "top2"},
            "mine.csv: no column 'top2' of errors. Did you mean top1? Columns: top1, depth; name the right one:"
            " error=COLUMN",
        ),
        (
            ["error", "mflops"],
            {"flops": "1e6*gflop"},
            "mine.csv: no column 'gflop' of flops. Did you mean mflops? Columns: error, mflops; name the right one:"
            " flops=COLUMN",
        ),
        (
            ["error", "gflops"],
            {"flops": "100-gflops"},
            "mine.csv: flops=100-gflops: only an error is 100 − something: write flops=COLUMN",
        ),
        (
            ["val_acc"],
            {"error": "val_acc"},
            "mine.csv: 'val_acc' is named like no error: write error=100-val_acc (percent),"
            " 'error=100-100*val_acc' (shares), or 'error=1*val_acc' if it is one, in percent; to compare by it as it"
            " is: error=val_acc better=higher",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(columns, given, message):
    with pytest.raises(DsxError) as refused:
        sources_in(pd.DataFrame(columns=columns), PATH, given)
    assert str(refused.value) == message

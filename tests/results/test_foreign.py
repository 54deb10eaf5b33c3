"""What the columns of a table from elsewhere are taken for, and that it is said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.results.foreign import tidy

PATH = Path("mine.csv")


def cells(**columns) -> pd.DataFrame:
    """A table of text, as a CSV has it."""
    return pd.DataFrame({name: list(map(str, column)) for name, column in columns.items()}, dtype=object)


def test_what_was_taken_for_what_is_said():
    read = tidy(cells(trial=[0, 1, 2], top1=[3.5, 4.5, ""], depth=[4, 5, 6], val_loss=[1.5, 2.5, 3.5], note="abc"),
                PATH, {"error": "top1"})  # fmt: skip
    assert read.account == (
        "3 rows; error = 'top1' in percent (3.5 to 4.5); model_id = row numbers; state = done where there is an error,"
        " failed where there is none (1 row); parameters: depth; outcomes, not parameters: val_loss;"
        " not used: 'trial' (row numbers), 'note'"
    )
    assert read.table["state"].tolist() == ["done", "done", "failed"]
    assert read.table["model_id"].tolist() == ["row 1", "row 2", "row 3"]
    assert read.table["depth"].tolist() == [4, 5, 6]
    assert "trial" not in read.table
    assert read.account


def test_factors_and_complements_are_applied():
    read = tidy(cells(acc=[0.9, 0.75], gflops=[0.4, 1.5]), PATH, {"error": "100-100*acc", "flops": "1e9*gflops"})
    assert read.table["error"].tolist() == pytest.approx([10, 25])
    assert read.table["flops"].tolist() == pytest.approx([4e8, 1.5e9])


def test_words_for_states_are_taken_as_they_were_given():
    table = cells(error=[3, 4, ""], status=["COMPLETED", "ok", "crashed"])
    read = tidy(table, PATH, {"done": "COMPLETED,ok", "failed": "crashed"})
    assert read.table["state"].tolist() == ["done", "done", "failed"]
    assert "'COMPLETED' is done, 'ok' is done, 'crashed' is failed" in read.account


def test_an_infinite_error_is_that_of_chance_once_it_is_said():
    read = tidy(cells(error=[3, "inf"]), PATH, {"chance": "90"})
    assert read.table["error"].tolist() == [3, 90]
    assert read.table["state"].tolist() == ["done", "diverged"]


def test_only_the_parameters_that_were_named_are_any():
    read = tidy(cells(error=[3, 4], depth=[1, 2], width=[8, 16]), PATH, {"parameters": "width"})
    assert "depth" not in read.table
    assert "parameters: width; not used: 'depth'" in read.account


def test_rows_of_one_model_are_its_seeds():
    read = tidy(cells(model_id=["a", "a", "b"], error=[3, 4, 5], depth=[1, 1, 2], seed=[0, 1, 0]), PATH, {})
    assert "model_id = 'model_id' (2 models, rows of one are its seeds)" in read.account


def test_a_table_that_dsx_wrote_is_taken_as_it_is(table):
    ours = table([3.0, np.nan], states=["done", "failed"])
    read = tidy(ours, PATH, {"error": "error"})
    assert not read.account
    assert read.account == ""
    pd.testing.assert_frame_equal(read.table, ours, check_dtype=False)


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (
            {"error": [0.1, 0.2]}, {},
            "the errors in 'error' lie between 0.1 and 0.2: write 'error=100*error' if they are shares,"
            " 'error=1*error' if they are percent",
        ),
        ({"error": [3, 101]}, {}, "error 101: expected percent, 0 to 100 (1 of 2 rows)"),
        (
            {"error": [3, "three"]}, {},
            "error 'three' (1 of 2 rows): expected a number in percent, or nothing for a model without an error",
        ),
        (
            {"error": [3, "inf"]}, {},
            "1 model diverged or with an infinite error, and no error to count: write chance=90, the error of a guess"
            " among 10 classes, or what it is with yours",
        ),
        (
            {"error": [3, 4]}, {"chance": "0"},
            "chance=0: expected percent above 0 and at most 100, as in chance=90",
        ),
        (
            {"error": [3, 4], "depth": [1, 2]}, {"parameters": "dept"},
            "parameters: no column 'dept'. Did you mean depth?",
        ),
        (
            {"error": [3, 4], "note": ["a", "b"]}, {"parameters": "note"},
            "parameters: column 'note' holds no numbers",
        ),
        (
            {"model_id": ["a", "a"], "error": [3, 4], "depth": [1, 2]}, {},
            "model_id 'a' has depth 1 and 2: rows of one model_id are seeds of one model; name a column that tells"
            " models apart: model_id=COLUMN",
        ),
        (
            {"model_id": ["a", "a"], "error": [3, 3], "depth": [1, 1]}, {},
            "1 row of 2 repeat another cell by cell: remove the copies, or tell seeds apart in a column 'seed'",
        ),
        (
            {"model_id": ["a", ""], "error": [3, 3]}, {},
            "model_id is empty in some rows: every row needs the id of its model",
        ),
        (
            {"top1": [3, 4]}, {"error": "top1", "best_error": "top1"},
            "column 'top1' is named as error and as best_error: name one",
        ),
    ],
)  # fmt: skip
def test_what_could_be_meant_in_two_ways_is_refused_with_what_to_write(columns, given, message):
    with pytest.raises(DsxError) as refused:
        tidy(cells(**columns), PATH, given)
    assert str(refused.value) == f"mine.csv: {message}"


@pytest.mark.parametrize(
    ("given", "errors", "told"),
    [
        ({"error": "ap", "better": "higher"}, [60.0, 55.0], "compared by 'ap' (%), higher is better (40 to 45)"),
        ({"error": "ap", "better": "lower"}, [40.0, 45.0], "compared by 'ap' (%), lower is better (40 to 45)"),
        (
            {"error": "ap", "better": "higher", "unit": ""},
            [-40.0, -45.0],
            "compared by 'ap', higher is better (40 to 45)",
        ),
    ],
)
def test_what_is_compared_may_be_no_error(given, errors, told):
    table = pd.DataFrame({"ap": [40.0, 45.0], "depth": [1, 2]})
    made = tidy(table, Path("mine.csv"), given)
    assert made.table["error"].tolist() == errors
    assert told in made.account
    assert (made.metric.name, made.metric.better) == ("ap", given["better"])


def test_a_diverged_model_counts_with_the_chance_value_of_what_is_compared():
    table = pd.DataFrame({"ap": [40.0, None], "state": ["done", "diverged"]})
    made = tidy(table, Path("mine.csv"), {"error": "ap", "better": "higher", "chance": "2"})
    assert made.table["error"].tolist() == [60.0, 98.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"error": "ap", "better": "more"}, "mine.csv: better=more: expected higher or lower"),
        ({"error": "ap", "unit": "%"}, "mine.csv: unit=%: say of which kind it is, too: better=higher or better=lower"),
        (
            {"error": "100-ap", "better": "higher"},
            "mine.csv: error=100-ap better=higher: 100 − something is an error already: leave better out",
        ),
    ],
)
def test_half_of_what_is_meant_is_asked_about(given, message):
    with pytest.raises(DsxError) as refused:
        tidy(pd.DataFrame({"ap": [40.0, 45.0]}), Path("mine.csv"), given)
    assert str(refused.value) == message

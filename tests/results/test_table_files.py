"""CSV in any usual encoding and dialect, and Parquet, as the files have them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dsx.analysis import analyze, count_states, read_csv
from dsx.base.errors import DsxError
from dsx.results.table_files import decoded, load_csv, load_parquet, read_parquet, table_name


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_text(content, encoding=encoding)
    return path


def test_csv_with_an_error_column_can_be_analysed(tmp_path):
    path = write(tmp_path / "mine.csv", "name,top1,depth\na,3.5,4\nb,,5\nc,4.5,6\n")
    tables = read_csv(path, error="top1")
    assert count_states(tables["mine"]).words() == "3 models: 2 done, 0 diverged, 1 failed, 0 pending"
    assert analyze(tables)["summary"].loc[0, "mean_error"] == 4.0
    assert analyze(tables)["best_ranges"]["parameter"].tolist() == ["depth"]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_cells_are_cut_where_the_header_is(mark, tmp_path):
    content = "error,depth\n3.5,4\n\n4.5,6\n".replace(",", mark)
    table = load_csv(write(tmp_path / "mine.csv", content))
    assert table.to_dict("list") == {"error": ["3.5", "4.5"], "depth": ["4", "6"]}


def test_a_mark_inside_quotes_cuts_nothing(tmp_path):
    table = load_csv(write(tmp_path / "mine.csv", 'error;name\n"3,5";"a;b"\n4,5;c\n'))
    assert table.to_dict("list") == {"error": ["3,5", "4,5"], "name": ["a;b", "c"]}


def test_one_column_is_a_table_too(tmp_path):
    assert load_csv(write(tmp_path / "mine.csv", '"error"\n3.5\n4\n')).to_dict("list") == {"error": ["3.5", "4"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_by_its_byte_order_mark(encoding, tmp_path):
    path = write(tmp_path / "mine.csv", "error,größe\n3,4\n", encoding)
    assert decoded(path) == "error,größe\n3,4\n"
    assert load_csv(path).columns.tolist() == ["error", "größe"]


def test_an_empty_column_without_a_name_is_left_out_and_one_with_cells_is_not(tmp_path):
    table = load_csv(write(tmp_path / "mine.csv", ",error,\n0,3.5,\n1,4.5,\n"))
    assert table.columns.tolist() == ["Unnamed: 0", "error"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"error,name\n3,\xe9\n", "line 2 is not UTF-8 text: save the file as UTF-8"),
        (b"error,depth,error\n1,2,3\n", "two columns are called 'error': rename or remove one"),
        (
            b"error,depth\n3,5,4\n",
            "row 1 has 3 cells and the header 2: a decimal comma needs quotes, or semicolons between cells",
        ),
        (b"error;depth\n3;4\n3;5;4\n", "row 2 has 3 cells and the header 2: each needs as many"),
        (
            b"\n \n",
            "found an empty file: expected an NDS data file (JSON, jobs with 'net'), a pycls sweep.json (jobs with"
            " 'cfg'), or a CSV or Parquet table with one row per model and a column of errors in percent",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(DsxError) as refused:
        load_csv(path)
    assert str(refused.value) == f"{path}: {message}"


def test_parquet_is_read_without_notes_on_records_and_named_by_its_folder(tmp_path):
    path = tmp_path / "AnyNetXE" / "results.parquet"
    path.parent.mkdir()
    pd.DataFrame({"error": [3.5, 4.5], "depth": [4, 6], "record_size": [1, 2]}).to_parquet(path)
    assert load_parquet(path).columns.tolist() == ["error", "depth"]
    (named,) = read_parquet(path).items()
    assert named[0] == "AnyNetXE"
    assert named[1]["error"].tolist() == [3.5, 4.5]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"PAR1 torn", "not a readable Parquet file")]
)
def test_a_missing_and_a_torn_parquet_file_are_told(content, message, tmp_path):
    path = tmp_path / "mine.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DsxError) as refused:
        load_parquet(path)
    assert str(refused.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("path", "name"), [("runs/AnyNetXE/results.parquet", "AnyNetXE"), ("a/sweep.json", "a"), ("a/mine.csv", "mine")]
)
def test_files_that_are_all_called_alike_are_told_apart_by_folder(path, name):
    assert table_name(Path(path)) == name

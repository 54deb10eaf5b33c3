"""Tables of results from elsewhere, as their files have them: CSV in any usual encoding and dialect, and Parquet."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from dsx.base.errors import DsxError, first_line
from dsx.results.arrays import Table
from dsx.results.foreign import tidy

FORMATS = (
    "an NDS data file (JSON, jobs with 'net'), a pycls sweep.json (jobs with 'cfg'), "
    "or a CSV or Parquet table with one row per model and a column of errors in percent"
)
# by dsx and by pycls: their folder tells them apart
_CALLED_ALIKE = ("results", "sweep")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_csv(path: str | Path, error: str = "error", columns: Mapping[str, str] | None = None) -> dict[str, Table]:
    """Any CSV with one row per model: `{name: table}`. error: the column of errors in percent, or `100-acc`.

    columns: as for `read_results`. UTF-8 or UTF-16; commas, semicolons, tabs or bars between cells. Rows without an
    error count as failed, unless a column `state` says otherwise. A column model_id is added if there is none. Numeric
    columns that are neither results nor outcomes are parameters. Raises DsxError if the file is missing, unreadable,
    lacks a column, holds errors outside 0–100 %, or could be meant in two ways.
    """
    path = Path(path)
    return {table_name(path): tidy(load_csv(path), path, {"error": error, **(columns or {})}).table}


def load_csv(path: Path) -> Table:
    """The table as the file has it, every cell as text. Raises DsxError as `read_csv` does."""
    import pandas as pd

    try:
        text = decoded(path)
        rows = _rows(text, path)
    except csv.Error as problem:
        raise DsxError(f"{path}: not a CSV table: {problem}; expected {FORMATS}") from None
    header = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(rows[0])]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DsxError(f"{path}: two columns are called '{twice}': rename or remove one")
    table = pd.DataFrame(rows[1:], columns=header, dtype=object)
    empty = [name for i, name in enumerate(header) if not rows[0][i].strip() and (table[name].str.strip() == "").all()]
    return table.drop(columns=empty)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """While a file is read: raises DsxError if it is missing, or the system does not let it be read."""
    try:
        yield
    except FileNotFoundError:
        raise DsxError(f"{path}: no such file") from None
    except OSError as problem:
        raise DsxError(f"{path}: cannot be read: {problem.strerror}") from None


def decoded(path: Path) -> str:
    """A file's text: UTF-8, or what its byte-order mark says. Raises DsxError if it is missing or otherwise encoded."""
    with readable(path):
        content = path.read_bytes()
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise DsxError(
            f"{path}: line {line} is not {encoding.removesuffix('-sig').upper()} text: save the file as UTF-8"
        ) from None


def _rows(text: str, path: Path) -> list[list[str]]:
    """The cells of every line that is not blank, the header first, by the mark that cuts the header into columns."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DsxError(f"{path}: found an empty file: expected {FORMATS}")
    cut = {mark: next(csv.reader([lines[0]], delimiter=mark)) for mark in ",;\t|"}
    marks = [mark for mark, cells in cut.items() if len(cells) > 1]
    if not marks:
        return [[line.strip().strip('"')] for line in lines]
    tried = {mark: _cells(text, mark) for mark in marks}
    # the first row, counted from 1 below the header, with another number of cells than the header
    uneven = {m: next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None) for m, rows in tried.items()}
    mark = min(marks, key=lambda mark: (uneven[mark] is not None, -len(cut[mark])))
    odd = uneven[mark]
    if odd is not None:
        remedy = "a decimal comma needs quotes, or semicolons between cells" if mark == "," else "each needs as many"
        cells = len(tried[mark][odd])
        raise DsxError(f"{path}: row {odd} has {cells} cells and the header {len(cut[mark])}: {remedy}")
    return tried[mark]


def _cells(text: str, mark: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if any(c.strip() for c in row)]


def read_parquet(path: str | Path, columns: Mapping[str, str] | None = None) -> dict[str, Table]:
    """A results table that dsx wrote (a study's results.parquet, a reference table), or another: as `read_csv`.

    The table of `runs/AnyNetXE/results.parquet` is named by its study's folder.
    """
    path = Path(path)
    return {table_name(path): tidy(load_parquet(path), path, {"error": "error", **(columns or {})}).table}


def load_parquet(path: Path) -> Table:
    """The table as the file has it, without dsx's notes on the records it was read from. Raises DsxError."""
    import pandas as pd
    import pyarrow as pa

    try:
        table: Table = pd.read_parquet(path)
    except FileNotFoundError:
        raise DsxError(f"{path}: no such file") from None
    except (OSError, ValueError, pa.ArrowException) as problem:
        raise DsxError(f"{path}: not a readable Parquet file, perhaps cut short ({first_line(problem)})") from None
    return table.drop(columns=[name for name in table.columns if str(name).startswith("record_")])


def table_name(path: Path) -> str:
    """`mine.csv` → mine; `runs/AnyNetXE/results.parquet` → AnyNetXE, as such files are all called alike."""
    return path.resolve().parent.name if path.stem in _CALLED_ALIKE else path.stem

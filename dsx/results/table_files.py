"""Tables of results from elsewhere: CSV and Parquet with one row per model and a column of errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dsx.base.errors import DsxError, suggest
from dsx.results.states import STATES

if TYPE_CHECKING:
    import pandas as pd

# result columns that a file may have under another name
RESULT_NAMES = (
    "error", "best_error", "model_id", "state", "epochs", "flops", "params", "acts", "seconds", "inference_ms",
    "training_ms", "seed", "recipe", "failure",
)  # fmt: skip
FORMATS = (
    "an NDS data file (JSON, jobs with 'net'), a pycls sweep.json (jobs with 'cfg'), "
    "or a CSV or Parquet table with one row per model and a column of errors in percent"
)


def read_csv(
    path: str | Path, error: str = "error", columns: Mapping[str, str] | None = None
) -> dict[str, pd.DataFrame]:
    """Any CSV with one row per model: `{name: table}`. error: the column of errors in percent.

    columns: as for `read_results`. Commas, semicolons or tabs between cells. Rows without an error count as failed,
    unless a column `state` says otherwise. A column model_id is added if there is none. Numeric columns that are no
    result columns are parameters. Raises DsxError if the file is missing, unreadable, lacks a column, or holds errors
    outside 0–100 %.
    """
    path = Path(path)
    return {table_name(path): tidy(load_csv(path), path, {"error": error, **(columns or {})})}


def load_csv(path: Path) -> pd.DataFrame:
    """The table as the file has it. Raises DsxError as `read_csv` does."""
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        comma = next((mark for mark in (",", ";", "\t") if mark in header), ",")
        table: pd.DataFrame = pd.read_csv(path, sep=comma, decimal="," if comma == ";" else ".", encoding="utf-8-sig")
    except FileNotFoundError:
        raise DsxError(f"{path}: no such file") from None
    except (ValueError, UnicodeDecodeError, OSError) as problem:
        raise DsxError(f"{path}: not a CSV table: {str(problem).splitlines()[0]}; expected {FORMATS}") from None
    return table


def read_parquet(path: str | Path, columns: Mapping[str, str] | None = None) -> dict[str, pd.DataFrame]:
    """A results table that dsx wrote (a study's results.parquet, a reference table), or another: as `read_csv`.

    The table of `runs/AnyNetXE/results.parquet` is named by its study's folder.
    """
    path = Path(path)
    return {table_name(path): tidy(load_parquet(path), path, {"error": "error", **(columns or {})})}


def load_parquet(path: Path) -> pd.DataFrame:
    """The table as the file has it, without dsx's notes on the records it was read from. Raises DsxError."""
    import pandas as pd
    import pyarrow as pa

    try:
        table: pd.DataFrame = pd.read_parquet(path)
    except FileNotFoundError:
        raise DsxError(f"{path}: no such file") from None
    except (OSError, ValueError, pa.ArrowException) as problem:
        told = str(problem).splitlines()[0]
        raise DsxError(f"{path}: not a readable Parquet file, perhaps cut short ({told})") from None
    return table.drop(columns=[name for name in table.columns if str(name).startswith("record_")])


def table_name(path: Path) -> str:
    """`mine.csv` → mine; `runs/AnyNetXE/results.parquet` → AnyNetXE."""
    return path.resolve().parent.name if path.name == "results.parquet" else path.stem


def tidy(table: pd.DataFrame, path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table with the result columns' own names, an id and a state for every row; checked."""
    import pandas as pd

    for ours, theirs in columns.items():
        if theirs not in table.columns:
            known = list(map(str, table.columns))
            what = "errors" if ours == "error" else ours
            raise DsxError(
                f"{path}: no column '{theirs}' of {what}.{suggest(theirs, known)}"
                f" Columns: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}; name the right one: {ours}=COLUMN"
            )
    hidden = {ours: f"other_{ours}" for ours, theirs in columns.items() if ours != theirs and ours in table.columns}
    table = table.rename(columns=hidden).rename(columns={theirs: ours for ours, theirs in columns.items()})
    table["error"] = pd.to_numeric(table["error"], errors="coerce")
    odd = table["error"][
        table["error"].between(-math.inf, 0, "neither") | table["error"].between(100, math.inf, "neither")
    ]
    if len(odd):
        raise DsxError(f"{path}: error {odd.iloc[0]:g}: expected percent, 0 to 100 ({len(odd)} of {len(table)} rows)")
    if "model_id" not in table.columns:
        table.insert(0, "model_id", [f"{path.stem}-{i}" for i in range(len(table))])
    if "state" not in table.columns:
        table.insert(1, "state", ["done" if math.isfinite(e) else "failed" for e in table["error"]])
    for value in set(table["state"].dropna()) - set(STATES) | ({""} if table["state"].isna().any() else set()):
        raise DsxError(f"{path}: state {value!r}: expected one of {', '.join(STATES)}.{suggest(str(value), STATES)}")
    return table

"""The final records of a study as the table needs them, read fast, and never twice.

`results.parquet` keeps what was read, with the identity (modification time, size, inode) of each
record; a record is read again only when that changed. Many records at once go through Arrow's JSON
reader, several times faster than Python's; whatever it does not take is read one by one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dsx.base import files
from dsx.base.arrow import array_of
from dsx.results.arrays import Table
from dsx.results.states import FINISHED
from dsx.study.paths import StudyPaths
from dsx.study.runs import Run, Runs

if TYPE_CHECKING:
    import pyarrow as pa

# records parsed together: some megabytes
_TOGETHER = 1000
# what one thread of Arrow's takes at a time; no record is as long
_BLOCK_BYTES = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)


class Finished(NamedTuple):
    """One finished run as the table needs it."""

    mtime_ns: int  # mtime_ns, size, inode: identity of the record it was read from
    size: int
    inode: int
    state: str
    error: float
    best_error: float
    epochs: int | None
    seconds: float
    images_per_second: float
    peak_memory_bytes: int | None
    ended: float = nan  # seconds since 1970, NaN where the record does not say
    metrics: tuple[float, ...] = ()  # of a training of the user's own, by the names that were asked for


class Unread(NamedTuple):
    """A record with its bytes. identity: as in `Finished`."""

    run: Run
    path: str
    identity: tuple[int, int, int]
    content: bytes


_IDENTITY = 3
# columns of results.parquet that hold a `Finished`, in its order
_OF_RECORDS = (*Finished._fields[:_IDENTITY], "ended")
_PLAIN = Finished._fields[:-1]
_CACHED = [f"record_{name}" if name in _OF_RECORDS else name for name in _PLAIN]
_FLOATS = ("error", "best_error", "seconds", "images_per_second", "ended")


def read_finished(
    paths: StudyPaths, runs: Runs, known: Mapping[str, Finished], metrics: Sequence[str] = ()
) -> tuple[dict[str, Finished], dict[str, str], int]:
    """(run_id → record, run_id → what is wrong with an unusable one, how many were not known), of runs with a record.

    known: what `read_cache` gave. metrics: names of those to be read, besides the error.
    """
    finished: dict[str, Finished] = {}
    problems: dict[str, str] = {}
    fresh = 0
    unread: list[Unread] = []
    for place, (run_id, path) in enumerate(zip(runs.ids, paths.results_of(runs.ids), strict=True)):
        row = known.get(run_id)
        if row is not None and _is_as_read(row, path):
            finished[run_id] = row
            continue
        content = _load(runs[place], path)
        if isinstance(content, Unread):
            fresh += 1
            unread.append(content)
        elif content:
            fresh += 1
            problems[run_id] = content
        if len(unread) == _TOGETHER:
            _parse(unread, finished, problems, metrics)
            unread = []
    _parse(unread, finished, problems, metrics)
    return finished, problems, fresh


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        return _of(os.stat(path))
    except OSError:
        return None


def _is_as_read(row: Finished, path: str) -> bool:
    try:
        stat = os.stat(path)
    except OSError:
        return False
    # in full, as this is asked 100,000 times
    return stat.st_mtime_ns == row[0] and stat.st_size == row[1] and stat.st_ino & (2**63 - 1) == row[2]


def _of(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino & (2**63 - 1)


def _load(run: Run, path: str) -> Unread | str:
    """The record's bytes, what is wrong with its file, or an empty text if there is none."""
    try:
        descriptor = os.open(path, _READ)  # half the time of `open`
        try:
            stat = os.fstat(descriptor)
            content = os.read(descriptor, stat.st_size + 1)
            while len(content) < stat.st_size and (more := os.read(descriptor, stat.st_size)):
                content += more
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return files.unreadable(path, error)
    return Unread(run, path, _of(stat), content)


def _parse(
    unread: Sequence[Unread], finished: dict[str, Finished], problems: dict[str, str], metrics: Sequence[str]
) -> None:
    """Note each record as finished or as a problem."""
    rows = None if metrics else _parse_together(unread)
    if rows is not None:
        finished.update(zip((file.run.run_id for file in unread), rows, strict=True))
        return
    for file in unread:
        row = None
        record, problem = files.parse(file.content, file.path)
        if record is not None:
            row, problem = _finished(record, file, metrics)
        if row is not None:
            finished[file.run.run_id] = row
        else:
            problems[file.run.run_id] = problem


def _parse_together(unread: Sequence[Unread]) -> list[Finished] | None:
    """What the table needs of each record; None if any of them is not a plain result of its run.

    Arrow reads one JSON value after another, whichever file it is from. That each file has its own is sure if as many
    come out as there are files: one that begins with a brace gives a value at least, or an error.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json

    content = b"\n".join(file.content for file in unread)
    # at a zero, Arrow stops without a word
    if not content or b"\0" in content or not all(file.content.startswith(b"{") for file in unread):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(content),
            read_options=arrow_json.ReadOptions(use_threads=True, block_size=_BLOCK_BYTES),
            parse_options=arrow_json.ParseOptions(explicit_schema=_schema(), unexpected_field_behavior="ignore"),
        )
        columns = table.select(_schema().names).to_pydict()
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if columns.pop("model_id") != [file.run.model_id for file in unread]:
        return None
    if not set(columns["state"]) <= set(FINISHED) or not all(e is not None and isfinite(e) for e in columns["error"]):
        return None
    for name in _FLOATS:
        columns[name] = [_number(value) for value in columns[name]]
    fields = zip(*columns.values(), strict=True)
    return [Finished(*file.identity, *values) for file, values in zip(unread, fields, strict=True)]


def _schema() -> pa.Schema:
    import pyarrow as pa

    fields = {"model_id": pa.string(), "state": pa.string()}
    fields |= {name: pa.float64() if name in _FLOATS else pa.int64() for name in _PLAIN[_IDENTITY + 1 :]}
    return pa.schema(fields)


def _finished(record: Mapping[str, Any], file: Unread, metrics: Sequence[str]) -> tuple[Finished | None, str]:
    model_id = file.run.model_id
    if record.get("model_id", model_id) != model_id:
        return None, f"{file.path}: is the result of another model ({record['model_id']}); treated as absent"
    try:
        if record["state"] not in FINISHED or not isfinite(record["error"]):
            raise ValueError
        return Finished(
            *file.identity,
            state=record["state"],
            error=float(record["error"]),
            best_error=_number(record.get("best_error")),
            epochs=_count(record.get("epochs")),
            seconds=_number(record.get("seconds")),
            images_per_second=_number(record.get("images_per_second")),
            peak_memory_bytes=_count(record.get("peak_memory_bytes")),
            ended=_number(record.get("ended")),
            metrics=tuple(_number((record.get("metrics") or {}).get(name)) for name in metrics),
        ), ""
    except (KeyError, TypeError, ValueError):
        return None, f"{file.path}: not a result; treated as absent"


def _number(value: float | None) -> float:
    return nan if value is None else float(value)


def _count(value: int | None) -> int | None:
    return None if value is None else int(value)


def read_cache(path: Path, metrics: Sequence[str] = ()) -> dict[str, Finished]:
    """run_id → what was read before; not to be changed.

    A missing, torn or foreign file, or one without the metrics, is an empty cache.
    """
    identity = _identity(str(path))
    return {} if identity is None else _read_cache(path, identity, tuple(metrics))


@lru_cache(maxsize=8)
def _read_cache(path: Path, identity: tuple[int, int, int], metrics: tuple[str, ...]) -> dict[str, Finished]:  # noqa: ARG001 (a part of the key)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # `read_table` loads pandas
            table = file.read(["run_id", *_CACHED, *metrics])
        inodes = table["record_inode"]
        rows = table.filter(inodes.is_valid()) if inodes.null_count else table  # filtering loads half of Arrow
        run_ids, *fields = (_plain(rows[name]) for name in ("run_id", *_CACHED))
        reported = [_plain(rows[name].cast(pa.float64())) for name in metrics]
    except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError):
        return {}
    values = zip(*reported, strict=True) if reported else repeat(())
    return dict(zip(run_ids, map(Finished._make, zip(*fields, values, strict=False)), strict=True))


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Its values as Python has them; NaN where a number is missing that may be a fraction."""
    import pyarrow as pa

    if pa.types.is_floating(column.type) or (pa.types.is_integer(column.type) and not column.null_count):
        numbers: list[Any] = array_of(column).tolist()  # several times as fast
        return numbers
    values: list[Any] = column.to_pylist()
    return values


def write_cache(path: Path, table: Table, finished: Mapping[str, Finished]) -> None:
    """Keep the table, with the identity of each record. A folder that cannot be written costs only time."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = [finished.get(run_id) for run_id in table["run_id"]]
    identity = {
        name: pd.Series([None if row is None else row[at] for row in read], dtype="Int64")
        for at, name in enumerate(_CACHED[:_IDENTITY])
    }
    ended = pd.Series([nan if row is None else row.ended for row in read], dtype="float64")
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(table.assign(**identity, record_ended=ended), preserve_index=False),
        sink,
        compression="zstd",
    )
    with contextlib.suppress(files.RecordError):
        files.write_bytes(path, sink.getvalue().to_pybytes())

"""What the files of a study say: the state of every run, and the tidy table of results.

Reading 100,000 records takes seconds, so `results.parquet` keeps what was read, with the identity
(modification time, size, inode) of each record; a record is read again only when that changed.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dsx.study import claims, records
from dsx.study.paths import RunPaths, StudyPaths
from dsx.study.runs import Run

if TYPE_CHECKING:
    import pandas as pd

    from dsx.spaces.population import Population

STATES = ("pending", "running", "done", "diverged", "failed")
FINISHED = ("done", "diverged")


class Finished(NamedTuple):
    """One finished run as the table needs it. mtime_ns, size, inode: identity of the record it was read from."""

    mtime_ns: int
    size: int
    inode: int
    state: str
    error: float
    best_error: float
    epochs: int | None
    seconds: float
    images_per_second: float
    peak_memory_bytes: int | None


# columns of results.parquet that hold a `Finished`, in its order
_CACHED = [f"record_{name}" if at < 3 else name for at, name in enumerate(Finished._fields)]
_FLOATS = ("error", "best_error", "seconds", "images_per_second")


@dataclass(frozen=True)
class Failure:
    """Why a run failed. kind: out_of_memory, timeout, killed or error. time: seconds since 1970.

    attempts: how often it failed; alike: how often in a row in this same way.
    """

    run_id: str
    kind: str
    message: str
    traceback: str = field(default="", repr=False)
    time: float = 0.0
    attempts: int = 1
    alike: int = 1
    retrying: bool = field(default=False, repr=False)


@dataclass(frozen=True)
class Scan:
    """One look at the files. problems: torn or foreign files, in words. holders: of the running ones.

    fresh: how many results were not in the table yet.
    """

    states: dict[str, str]
    finished: dict[str, Finished]
    failures: dict[str, Failure]
    holders: dict[str, claims.Holder | None]
    problems: list[str]
    fresh: int = 0

    def counts(self) -> dict[str, int]:
        """State → number of runs, for all five states."""
        found = dict.fromkeys(STATES, 0)
        for state in self.states.values():
            found[state] += 1
        return found


def scan(paths: StudyPaths, runs: Sequence[Run], ended: Callable[[claims.Holder], bool] | None = None) -> Scan:
    """The state of every run, from the files alone.

    ended: tells from a claim's holder whether its job is known to have ended.
    """
    known = read_cache(paths.results)
    started = set(_started(paths))
    states: dict[str, str] = {}
    finished: dict[str, Finished] = {}
    failures: dict[str, Failure] = {}
    holders: dict[str, claims.Holder | None] = {}
    problems: list[str] = []
    fresh = 0
    for run in runs:
        if run.run_id not in started:
            states[run.run_id] = "pending"
            continue
        own = paths.run(run.run_id)
        identity = _identity(own.result)
        if identity is not None:
            row = known.get(run.run_id)
            if row is None or row[:3] != identity:
                row, problem = _read_result(own.result, identity, run.model_id)
                fresh += 1
                problems += [problem] if problem else []
            if row is not None:
                finished[run.run_id], states[run.run_id] = row, row.state
                continue
        states[run.run_id] = _unfinished(own.folder, paths, run.run_id, failures, holders, problems, ended)
    return Scan(states, finished, failures, holders, problems, fresh)


def _unfinished(
    folder: Path,
    paths: StudyPaths,
    run_id: str,
    failures: dict[str, Failure],
    holders: dict[str, claims.Holder | None],
    problems: list[str],
    ended: Callable[[claims.Holder], bool] | None,
) -> str:
    """State of a run without a usable result; notes its failure or its holder."""
    try:
        names = os.listdir(folder)
    except OSError:
        return "pending"
    failure = None
    if "failure.json" in names:
        failure, problem = read_failure(paths, run_id)
        problems += [problem] if problem else []
    held = claims.current(paths.run(run_id), names)
    if held is not None and not held.is_stale(ended):
        holders[run_id] = held.holder
        return "running"
    if failure is None or failure.retrying:
        return "pending"
    failures[run_id] = failure
    return "failed"


def is_finished(paths: RunPaths) -> bool:
    """Whether a usable result is there. A torn one is not, and is trained again."""
    if not paths.result.exists():
        return False
    record, _ = records.load_json(paths.result)
    return record is not None and record.get("state") in FINISHED


def read_failure(paths: StudyPaths, run_id: str) -> tuple[Failure | None, str]:
    """The failure record of a run, and what is wrong with its file if it is not one."""
    path = paths.run(run_id).failure
    data, problem = records.load_json(path)
    if data is None:
        return None, problem
    try:
        return Failure(
            run_id=run_id,
            kind=str(data["class"]),
            message=str(data["message"]),
            traceback=str(data.get("traceback", "")),
            time=float(data.get("time", 0.0)),
            attempts=int(data.get("attempts", 1)),
            alike=int(data.get("alike", 1)),
            retrying=bool(data.get("retrying", False)),
        ), ""
    except (KeyError, TypeError, ValueError):
        return None, f"{path}: not a failure record; treated as absent"


def _started(paths: StudyPaths) -> Iterator[str]:
    """Names of all run folders."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(paths.models) as groups:
        for group in groups:
            with contextlib.suppress(NotADirectoryError):
                yield from os.listdir(group.path)


def any_started(paths: StudyPaths) -> bool:
    """Whether any run was ever claimed."""
    return next(_started(paths), None) is not None


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino & (2**63 - 1)


def _read_result(path: Path, identity: tuple[int, int, int], model_id: str) -> tuple[Finished | None, str]:
    data, problem = records.load_json(path)
    if data is None:
        return None, problem
    if data.get("model_id", model_id) != model_id:
        return None, f"{path}: is the result of another model ({data['model_id']}); treated as absent"
    try:
        if data["state"] not in FINISHED or not math.isfinite(data["error"]):
            raise ValueError
        return Finished(
            *identity,
            state=data["state"],
            error=float(data["error"]),
            best_error=_number(data.get("best_error")),
            epochs=_count(data.get("epochs")),
            seconds=_number(data.get("seconds")),
            images_per_second=_number(data.get("images_per_second")),
            peak_memory_bytes=_count(data.get("peak_memory_bytes")),
        ), ""
    except (KeyError, TypeError, ValueError):
        return None, f"{path}: not a result; treated as absent"


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def read_cache(path: Path) -> dict[str, Finished]:
    """run_id → what was read before. A missing, torn or foreign file is an empty cache."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["run_id", *_CACHED])
        rows = table.filter(table["record_inode"].is_valid())
        columns = [rows[name].to_pylist() for name in ("run_id", *_CACHED)]
    except (OSError, pa.ArrowException, KeyError):
        return {}
    columns = [
        [math.nan if v is None else v for v in c] if n in _FLOATS else c
        for n, c in zip(("run_id", *_CACHED), columns, strict=True)
    ]
    return {values[0]: Finished(*values[1:]) for values in zip(*columns, strict=True)}


def write_cache(path: Path, table: pd.DataFrame, found: Scan) -> None:
    """Keep the table, with the identity of each record. A folder that cannot be written costs only time."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = [found.finished.get(run_id) for run_id in table["run_id"]]
    identity = {
        name: pd.Series([None if one is None else one[at] for one in read], dtype="Int64")
        for at, name in enumerate(_CACHED[:3])
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table.assign(**identity), preserve_index=False), sink, compression="zstd")
    with contextlib.suppress(records.RecordError):
        records.write_bytes(path, sink.getvalue().to_pybytes())


def results_table(population: Population, runs: Sequence[Run], found: Scan) -> pd.DataFrame:
    """One row per run, whatever its state. error, best_error in percent, NaN unless finished.

    Columns: model_id, space, state, error, best_error, epochs, flops, params, acts, seconds, images_per_second,
    peak_memory_bytes, seed, recipe, failure, run_id, replicate, then the space's parameters.
    """
    import numpy as np
    import pandas as pd

    rows = np.array([run.row for run in runs], dtype=np.int64)
    read = [found.finished.get(run.run_id) for run in runs]
    failed = [found.failures.get(run.run_id) for run in runs]

    def value(name: str, dtype: str) -> pd.Series[Any]:
        at = Finished._fields.index(name)
        return pd.Series([None if one is None else one[at] for one in read], dtype=dtype)

    columns: dict[str, Any] = {
        "model_id": [run.model_id for run in runs],
        "space": population.space,
        "state": [found.states[run.run_id] for run in runs],
        "error": value("error", "float64"),
        "best_error": value("best_error", "float64"),
        "epochs": value("epochs", "Int64"),
        "flops": population.flops[rows],
        "params": population.params[rows],
        "acts": population.acts[rows],
        "seconds": value("seconds", "float64"),
        "images_per_second": value("images_per_second", "float64"),
        "peak_memory_bytes": value("peak_memory_bytes", "Int64"),
        "seed": [run.seed for run in runs],
        "recipe": [run.base_recipe.label if run.base_recipe is not None else None for run in runs],
        "failure": [None if one is None else f"{one.kind}: {one.message}" for one in failed],
        "run_id": [run.run_id for run in runs],
        "replicate": [run.replicate for run in runs],
    }
    columns |= {name: column[rows] for name, column in population.settings.items()}
    table: pd.DataFrame = pd.DataFrame(columns)
    return table


def curves_table(paths: StudyPaths, runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run and epoch of the finished runs: run_id, model_id, epoch and what the trainer noted."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for run in runs:
        data, _ = records.load_json(paths.run(run.run_id).result)
        for epoch in (data or {}).get("curve") or ():
            rows.append({"run_id": run.run_id, "model_id": run.model_id, **epoch})
    table: pd.DataFrame = pd.DataFrame(rows, columns=None if rows else ["run_id", "model_id", "epoch"])
    return table

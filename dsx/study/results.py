"""What the files of a study say: the state of every run, and the tidy table of results.

A study may have 100,000 runs, so nothing here opens a file twice, or builds a path that is not needed.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.results.arrays import Table
from dsx.results.columns import BY_NAME
from dsx.results.states import FINISHED, STATES
from dsx.study import claims
from dsx.study.finished import Finished, read_cache, read_finished
from dsx.study.paths import RunPaths, StudyPaths
from dsx.study.runs import Run, Runs

if TYPE_CHECKING:
    import pandas as pd

    from dsx.recipes.base import AnyRecipe
    from dsx.spaces.population import Population


@dataclass(frozen=True)
class Failure:
    """Why a run failed."""

    run_id: str
    kind: str  # out_of_memory, timeout, killed or error
    message: str
    traceback: str = field(default="", repr=False)
    time: float = 0.0  # seconds since 1970
    attempts: int = 1  # how often it failed
    alike: int = 1  # how often in a row in this same way
    retrying: bool = field(default=False, repr=False)


@dataclass(frozen=True)
class Scan:
    """One look at the files."""

    states: dict[str, str]
    finished: dict[str, Finished]
    failures: dict[str, Failure]
    holders: dict[str, claims.Holder | None]  # of the running ones
    problems: list[str]  # torn or foreign files, in words
    fresh: int = 0  # how many results were not in the table yet

    def counts(self) -> dict[str, int]:
        """State → number of runs, for all five states."""
        counts = dict.fromkeys(STATES, 0)
        for state in self.states.values():
            counts[state] += 1
        return counts


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Records by the 100,000 make nothing to collect: to look for it takes a fifth of the time."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


@_collector_at_rest()
def scan(paths: StudyPaths, runs: Runs, ended: Callable[[claims.Holder], bool] | None = None) -> Scan:
    """The state of every run, from the files alone.

    ended: tells from a claim's holder whether its job is known to have ended.
    """
    started = set(_started(paths))
    candidates = [place for place, run_id in enumerate(runs.ids) if run_id in started]
    metrics = own_metrics(runs.recipe)
    known = read_cache(paths.results, metrics)
    finished, unusable, fresh = read_finished(paths, runs.some(candidates), known, metrics)
    look = _Scanned(paths, ended, unusable)
    states = dict.fromkeys(runs.ids, "pending")
    for place in candidates:
        run_id = runs.ids[place]
        row = finished.get(run_id)
        states[run_id] = row.state if row is not None else look.state(runs[place : place + 1], finished)
    return Scan(states, finished, look.failures, look.holders, [*unusable.values(), *look.problems], fresh)


@dataclass
class _Scanned:
    """What is found of the runs without a usable result. unusable: run_id → what is wrong with its result."""

    paths: StudyPaths
    ended: Callable[[claims.Holder], bool] | None
    unusable: dict[str, str]
    failures: dict[str, Failure] = field(default_factory=dict)
    holders: dict[str, claims.Holder | None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def state(self, run: Runs, finished: dict[str, Finished]) -> str:
        """State of one run; notes its failure, its holder, or the result that came since the results were read."""
        (run_id,) = run.ids
        paths = self.paths.run(run_id)
        try:
            names = os.listdir(paths.folder)
        except OSError:
            return "pending"
        if paths.result.name in names and run_id not in self.unusable:
            read, unusable, _ = read_finished(self.paths, run, {}, own_metrics(run.recipe))
            finished |= read
            self.unusable |= unusable
            if read:
                return read[run_id].state
        failure = None
        if paths.failure.name in names:
            failure, problem = read_failure(self.paths, run_id)
            self.problems += [problem] if problem else []
        held = claims.current(paths, names)
        if held is not None and not held.is_stale(self.ended):
            self.holders[run_id] = held.holder
            return "running"
        if failure is None or failure.retrying:
            return "pending"
        self.failures[run_id] = failure
        return "failed"


def own_metrics(recipe: AnyRecipe | None) -> tuple[str, ...]:
    """Columns of what a training of the user's own reports, besides `error`."""
    return tuple(metric.name for metric in recipe.measures if metric.name != "error") if recipe else ()


def check_metrics(recipe: AnyRecipe, population: Population) -> None:
    """Raises StudyError for a metric that is called like another column of the results."""
    taken = {name for name, column in BY_NAME.items() if column.role != "curve" and name != "error"}
    for metric in recipe.measures:
        if metric.name in taken or metric.name in population.settings:
            raise StudyError(
                f"recipe {recipe.name}: metric '{metric.name}': the results have another column of that name"
            )


def is_finished(paths: RunPaths) -> bool:
    """Whether a usable result is there. A torn one is not, and is trained again."""
    if not paths.result.exists():
        return False
    record, _ = files.load_json(paths.result)
    return record is not None and record.get("state") in FINISHED


# of a failure's record, besides its class
_RECORDED: dict[str, type] = {
    "message": str, "traceback": str, "time": float, "attempts": int, "alike": int, "retrying": bool
}  # fmt: skip


def read_failure(paths: StudyPaths, run_id: str) -> tuple[Failure | None, str]:
    """The failure record of a run, and what is wrong with its file if it is not one."""
    path = paths.run(run_id).failure
    data, problem = files.load_json(path)
    if data is None:
        return None, problem
    try:
        fields: dict[str, Any] = {name: kind(data[name]) for name, kind in _RECORDED.items() if name in data}
        return Failure(run_id=run_id, kind=str(data["class"]), **fields), ""
    except (KeyError, TypeError, ValueError):
        return None, f"{path}: not a failure record; treated as absent"


def evaluation_images(paths: StudyPaths, runs: Sequence[Run]) -> int | None:
    """Images that models were evaluated on, as the first record that says so has it; None if none does."""
    for run in runs:
        record, _ = files.load_json(paths.run(run.run_id).result)
        images = ((record or {}).get("split") or {}).get("evaluation_images")
        if images:
            return int(images)
    return None


def _started(paths: StudyPaths) -> Iterator[str]:
    """Names of all run folders."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(paths.models) as groups:
        for group in groups:
            with contextlib.suppress(NotADirectoryError):
                yield from os.listdir(group.path)


def any_started(paths: StudyPaths) -> bool:
    """Whether any run was ever claimed."""
    return next(_started(paths), None) is not None


def results_table(population: Population, every: Runs, scan: Scan) -> Table:
    """One row per run, whatever its state. error, best_error in percent, NaN unless finished.

    Columns: model_id, space, state, error, best_error, metrics of a user's own training, epochs, flops, params,
    acts, seconds, images_per_second, peak_memory_bytes, seed, recipe, failure, run_id, replicate, then the space's
    parameters.
    """
    import numpy as np
    import pandas as pd

    runs = list(every)
    metrics = own_metrics(every.recipe)
    rows = np.array([run.row for run in runs], dtype=np.int64)
    read = [scan.finished.get(run.run_id) for run in runs]
    failed = [scan.failures.get(run.run_id) for run in runs]

    def value(name: str, dtype: str) -> pd.Series[Any]:
        at = Finished._fields.index(name)
        return pd.Series([None if row is None else row[at] for row in read], dtype=dtype)

    columns: dict[str, object] = {
        "model_id": [run.model_id for run in runs],
        "space": population.space,
        "state": [scan.states[run.run_id] for run in runs],
        "error": value("error", "float64"),
        "best_error": value("best_error", "float64"),
        **{
            name: pd.Series([None if row is None else row.metrics[at] for row in read], dtype="float64")
            for at, name in enumerate(metrics)
        },
        "epochs": value("epochs", "Int64"),
        "flops": population.flops[rows],
        "params": population.params[rows],
        "acts": population.acts[rows],
        "seconds": value("seconds", "float64"),
        "images_per_second": value("images_per_second", "float64"),
        "peak_memory_bytes": value("peak_memory_bytes", "Int64"),
        "seed": [run.seed for run in runs],
        "recipe": [run.base_recipe.label if run.base_recipe is not None else None for run in runs],
        "failure": [None if row is None else f"{row.kind}: {row.message}" for row in failed],
        "run_id": [run.run_id for run in runs],
        "replicate": [run.replicate for run in runs],
    }
    columns |= {name: column[rows] for name, column in population.settings.items()}
    table = pd.DataFrame(columns)
    if metrics:
        table.attrs["metrics"] = list(metrics)  # no parameters of the space, whatever they are called
    return table


def curves_table(paths: StudyPaths, runs: Sequence[Run]) -> Table:
    """One row per run and epoch of the finished runs: run_id, model_id, epoch and what the trainer noted."""
    import pandas as pd

    rows: list[dict[str, object]] = []
    for run in runs:
        data, _ = files.load_json(paths.run(run.run_id).result)
        for epoch in (data or {}).get("curve") or ():
            rows.append({"run_id": run.run_id, "model_id": run.model_id, **epoch})
    return pd.DataFrame(rows, columns=None if rows else ["run_id", "model_id", "epoch"])

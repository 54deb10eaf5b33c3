"""Training on this machine: one worker process per core or GPU, one run at a time each, over any number of studies.

A worker that dies costs its one model. The parent holds one end of a pipe whose other end every
worker watches: when the parent stops, or is gone, the workers save what they have and end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dsx.base.errors import DsxError
from dsx.launch import failures, pool
from dsx.launch.devices import slots
from dsx.launch.progress import Report, Tally, duration
from dsx.launch.worker import TRAINER, Outcome, Trainer
from dsx.study.results import Failure
from dsx.study.study import Study, open_study

# seconds that workers have to save and end after a stop before they are killed
GRACE_S = 30.0
# seconds that the workers of a launch that was just killed may take to be gone
_DYING_S = 0.5


@dataclass(frozen=True)
class Limits:
    """What one model may take. time_limit_min: wall minutes; memory_limit_gb: resident memory of its process."""

    time_limit_min: float | None = None
    memory_limit_gb: float | None = None

    def __post_init__(self) -> None:
        for name in ("time_limit_min", "memory_limit_gb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise DsxError(f"{name} = {value}: expected a number > 0")


@dataclass(frozen=True)
class Summary:
    """What a launch did. counts: outcome → runs. stopped: why it ended early, or empty. path → failures in `failed`."""

    counts: dict[str, int]
    seconds: float
    stopped: str = ""
    failed: list[tuple[Path, Failure]] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """One run of one study."""

    study: Study
    run_id: str


def launch(
    studies: Sequence[Study | str | Path] | Study | str | Path,
    *,
    workers: int | None = None,
    device: str = "auto",
    retry: Collection[str] = (),
    limit: int | None = None,
    max_failures: int | None = None,
    models_per_gpu: int = 1,
    limits: Limits = Limits(),
    nice: int = 0,
    threads: int | None = None,
    progress: bool = True,
    trainer: Trainer | str = TRAINER,
    run_ids: Collection[str] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Summary:
    """Train what is pending in these studies, with their recipes, and return when all is over.

    workers: processes, by default one per core or models_per_gpu per GPU. threads: torch threads of each, by default
    one on a CPU. limit: at most so many runs. max_failures: stop once more than so many runs failed. retry: failure
    classes, `failed`, `all` or run ids. run_ids: only these. nice: added to the workers' niceness. trainer: importable
    function, or its name. Finished runs are skipped, those held by other processes left alone. Ctrl-C and SIGTERM stop
    cleanly. Scripts call this under `if __name__ == "__main__":`. Raises DsxError for studies without a recipe, unknown
    devices and retry words, and a folder that cannot be written.
    """
    opened = as_studies(studies)
    groups = slots(device, workers, models_per_gpu)
    tasks = to_train(opened, retry, run_ids)[: limit if limit is None else max(limit, 0)]
    started = time.monotonic()
    tally = Tally(len(tasks))
    session = _Session(tally, max_failures, should_stop)
    if tasks:
        processes = min(sum(group.workers for group in groups), len(tasks))
        settings = pool.Settings(
            retry=tuple(retry),
            trainer=pool.name_of(trainer),
            threads=threads if threads is not None else (1 if groups[0].device == "cpu" else None),
            nice=nice,
            memory_limit_gb=limits.memory_limit_gb,
            timeout_s=limits.time_limit_min * 60 if limits.time_limit_min is not None else None,
        )
        with Report(tally, show=progress) as report, _stop_signals(session, report):
            seen: set[tuple[Path, str]] = set()
            while tasks:
                session.run(tasks, groups, processes, settings, report)
                seen |= {(task.study.path, task.run_id) for task in tasks}
                # what another launch held when we began and has given up since
                again = [] if session.stopped or limit is not None else to_train(opened, (), run_ids)
                tasks = [task for task in again if (task.study.path, task.run_id) not in seen]
                tally.total += len(tasks)
            report.say(_closing(tally, session, time.monotonic() - started))
    return Summary(dict(tally.counts), time.monotonic() - started, session.stopped, session.failed)


def as_studies(studies: Sequence[Study | str | Path] | Study | str | Path) -> list[Study]:
    """Open what is a path. Raises DsxError if there is none, or one has no recipe yet."""
    given = [studies] if isinstance(studies, (Study, str, Path)) else list(studies)
    opened = [study if isinstance(study, Study) else open_study(study) for study in given]
    if not opened:
        raise DsxError("no study given: `dsx sample` makes one")
    for study in opened:
        if study.recipe is None:
            raise DsxError(f"{study.path}: has no recipe yet; name one: dsx launch {study.path} --recipe digits")
    return opened


def to_train(
    studies: Sequence[Study], retry: Collection[str] = (), run_ids: Collection[str] | None = None
) -> list[Task]:
    """Runs that are pending, or failed and to be retried; the studies take turns, so that they progress alike."""
    failures.check_retry(retry, {run.run_id for study in studies for run in study.runs()})
    lists = []
    for study in studies:
        found = study.scan(only=run_ids)
        if any(holder is not None and holder.alive for holder in found.holders.values()):
            time.sleep(_DYING_S)
            found = study.scan(only=run_ids)
        lists.append(
            [
                Task(study, run_id)
                for run_id, state in found.states.items()
                if state == "pending" or (state == "failed" and failures.may_train(found.failures[run_id], retry))
            ]
        )
    return [task for turn in zip_longest(*lists) for task in turn if task is not None]


class _Session:
    """The loop that hands out tasks, and what it has seen so far."""

    def __init__(self, tally: Tally, max_failures: int | None, should_stop: Callable[[], bool] | None) -> None:
        self.tally = tally
        self.failed: list[tuple[Path, Failure]] = []
        self.stopped = ""
        self.hurry = False
        self._max_failures = max_failures
        self._should_stop = should_stop

    def run(
        self, tasks: list[Task], groups: list[Any], processes: int, settings: pool.Settings, report: Report
    ) -> None:
        """Keep every worker busy until the tasks are used up or a stop is asked for."""
        waiting = iter(tasks)
        busy: dict[Future[Outcome], tuple[Task, pool.Group]] = {}
        with ExitStack() as stack:
            open_groups: list[pool.Group] = []
            for group in groups:
                size = min(group.workers, max(1, processes - sum(g.size for g in open_groups)))
                open_groups.append(stack.enter_context(pool.Group(group, size, settings)))
                if sum(g.size for g in open_groups) >= processes:
                    break
            try:
                self._fill(waiting, busy, open_groups)
                while busy and not self.stopped:
                    finished, _ = wait(busy, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._take(future, *busy.pop(future), report)
                    report.note()
                    if self._should_stop is not None and self._should_stop():
                        self.stopped = self.stopped or "stopped"
                    if not self.stopped:
                        self._fill(waiting, busy, open_groups)
            finally:
                self.stopped = self.stopped or ("failed" if busy else "")
                self._wind_down(busy, open_groups, report)

    def _fill(
        self, waiting: Iterator[Task], busy: dict[Future[Outcome], tuple[Task, pool.Group]], groups: list[pool.Group]
    ) -> None:
        """One task per worker and one in reserve per group on a CPU, so that short tasks leave no worker idle."""
        for group in groups:
            held = sum(owner is group for _, owner in busy.values())
            for _ in range(group.capacity - held):
                task = next(waiting, None)
                if task is None:
                    return
                busy[group.schedule(task.study.path, task.run_id)] = (task, group)

    def _take(self, future: Future[Outcome], task: Task, group: pool.Group, report: Report) -> None:
        """Count what became of a task; a worker that died has its model recorded as failed."""
        try:
            outcome = future.result()
        except CancelledError:
            return
        except pool.WORKER_LOST as error:
            if self.stopped:
                return
            outcome = pool.autopsy(task.study, task.run_id, error, group.settings)
        self.tally.counts[outcome.what] += 1
        if outcome.failure is not None:
            self.failed.append((task.study.path, outcome.failure))
            report.say(f"{task.study.name} {task.run_id} failed: {outcome.failure.kind}: {outcome.failure.message}")
            if self._max_failures is not None and len(self.failed) > self._max_failures:
                self.stopped = f"more than {self._max_failures} models failed"

    def _wind_down(
        self, busy: dict[Future[Outcome], tuple[Task, pool.Group]], groups: list[pool.Group], report: Report
    ) -> None:
        """Let the workers save and end, and count what still came in."""
        for group in groups:
            group.stop()
        deadline = time.monotonic() + GRACE_S
        while busy and time.monotonic() < deadline and not self.hurry:
            finished, _ = wait(busy, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                self._take(future, *busy.pop(future), report)


@contextmanager
def _stop_signals(session: _Session, report: Report) -> Iterator[None]:
    """SIGINT and SIGTERM stop the session; a second one does not wait for the workers."""

    def handle(number: int, _frame: object) -> None:
        if session.stopped:
            session.hurry = True
        session.stopped = session.stopped or f"stopped by {signal.Signals(number).name}"
        report.say("stopping: workers save their models (again to stop at once) …")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _closing(tally: Tally, session: _Session, seconds: float) -> str:
    """The last line: what was done, and how to go on if anything is left."""
    counts = tally.counts
    parts = [f"{counts[what]} {what}" for what in ("done", "diverged", "failed") if counts[what] or what == "done"]
    line = f"{', '.join(parts)} in {duration(seconds)}"
    if counts["held"]:
        line += f"; {counts['held']} are trained by another process"
    if session.stopped:
        line += f"; {session.stopped} with {tally.total - tally.over} left: the same command goes on from here"
    return line

"""Training on this machine: one worker process per core or GPU, one run at a time each, over any number of studies.

A worker that dies costs its one model. The parent holds one end of a pipe whose other end every
worker watches: when the parent stops, or is gone, the workers save what they have and end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dsx.base.units import duration
from dsx.launch.devices import Slot
from dsx.launch.launcher import Launched
from dsx.launch.local import pool
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import PendingRun, limited, pending_runs
from dsx.launch.progress import LaunchTally, ProgressReport
from dsx.launch.worker import Outcome
from dsx.results.states import OVER
from dsx.study.results import Failure
from dsx.study.study import Study, open_study

# what was handed out and has not come back, and to which workers
_Busy = dict[Future[Outcome], tuple[PendingRun, pool.WorkerGroup]]
# seconds that the pool has to tell of a process that has ended
_GONE_S = 1.0


def dispatch(
    studies: Sequence[Study],
    slots: Sequence[Slot],
    settings: pool.PoolSettings,
    options: LaunchOptions,
    max_failures: int | None = None,
) -> Launched:
    """Train what is pending in these studies and return when all is over. slots: where the workers train.

    max_failures: stop once more models failed than this; None: never.

    Raises DsxError if no worker can do anything, and RecordError for a folder that cannot be written.
    """
    runs = limited(pending_runs(studies, options), options)
    started = time.monotonic()
    tally = LaunchTally(len(runs))
    dispatcher = _Dispatcher(tally, max_failures, options.should_stop, settings.grace_s)
    if runs:
        processes = min(sum(slot.workers for slot in slots), len(runs))
        with ProgressReport(tally, show=options.progress) as report, _stop_signals(dispatcher, report):
            seen: set[tuple[Path, str]] = set()
            while runs:
                dispatcher.run(runs, _groups(slots, processes, settings), report)
                seen |= {(run.study.path, run.run_id) for run in runs}
                runs = [] if dispatcher.stopped or options.limit is not None else _given_up(studies, options, seen)
                tally.total += len(runs)
            report.say(_closing(dispatcher, time.monotonic() - started))
    seconds, failed = time.monotonic() - started, tuple(dispatcher.failed)
    return Launched(dict(tally.counts), seconds, dispatcher.stopped, dispatcher.by_signal, failed)


def _groups(slots: Sequence[Slot], processes: int, settings: pool.PoolSettings) -> list[pool.WorkerGroup]:
    """As many groups, of as many workers, as there is work for."""
    groups: list[pool.WorkerGroup] = []
    left = processes
    for slot in slots:
        if left > 0:
            groups.append(pool.WorkerGroup(slot, min(slot.workers, left), settings))
            left -= groups[-1].size
    return groups


def _given_up(studies: Sequence[Study], options: LaunchOptions, seen: set[tuple[Path, str]]) -> list[PendingRun]:
    """What another launch held when we began and has given up since, and models by which a study has grown."""
    again = LaunchOptions(run_ids=options.run_ids)
    now = [open_study(study.path) for study in studies]
    return [run for run in pending_runs(now, again) if (run.study.path, run.run_id) not in seen]


class _Dispatcher:
    """The loop that hands out runs, and what it has seen so far."""

    def __init__(
        self, tally: LaunchTally, max_failures: int | None, should_stop: Callable[[], bool] | None, grace_s: float
    ) -> None:
        self.tally = tally
        self.failed: list[tuple[Path, Failure]] = []
        self.stopped = ""
        self.by_signal = False
        self.hurry = False
        self._max_failures = max_failures
        self._should_stop = should_stop
        self._grace_s = grace_s
        self._gone_since: dict[Future[Outcome], float] = {}

    def run(self, runs: Sequence[PendingRun], groups: Sequence[pool.WorkerGroup], report: ProgressReport) -> None:
        """Keep every worker busy until the runs are used up or a stop is asked for."""
        waiting = iter(runs)
        busy: _Busy = {}
        with ExitStack() as stack:
            for group in groups:
                stack.enter_context(group)
            try:
                self._fill(waiting, busy, groups)
                while busy and not self.stopped:
                    finished, _ = wait(busy, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self._take(future, *busy.pop(future), report)
                    self._look_for_gone(busy, report)
                    report.note()
                    if self._should_stop is not None and self._should_stop():
                        self.stopped = self.stopped or "stopped"
                    if not self.stopped:
                        for group in groups:
                            group.check_alive([future for future, (_, owner) in busy.items() if owner is group])
                        self._fill(waiting, busy, groups)
            finally:
                self.stopped = self.stopped or ("failed" if busy else "")
                self._wind_down(busy, groups, report)

    def _fill(self, waiting: Iterator[PendingRun], busy: _Busy, groups: Sequence[pool.WorkerGroup]) -> None:
        """One run per worker and one in reserve per group on a CPU, so that short ones leave no worker idle."""
        for group in groups:
            held = sum(owner is group for _, owner in busy.values())
            for _ in range(group.capacity - held):
                run = next(waiting, None)
                if run is None:
                    return
                busy[group.schedule(run.study.path, run.run_id)] = (run, group)

    def _look_for_gone(self, busy: _Busy, report: ProgressReport) -> None:
        """Take back the runs whose process has ended and of which the pool still says, a second later, nothing."""
        now = time.monotonic()
        for future, (run, group) in list(busy.items()):
            if not future.running() or not group.is_gone(run.study.path, run.run_id):
                self._gone_since.pop(future, None)
            elif now - self._gone_since.setdefault(future, now) > _GONE_S and future.cancel():
                del busy[future], self._gone_since[future]
                self._count(pool.autopsy(run.study, run.run_id, pool.WorkerGone(), group.settings), run, report)

    def _take(self, future: Future[Outcome], run: PendingRun, group: pool.WorkerGroup, report: ProgressReport) -> None:
        """Count what became of a run; a worker that died has its model recorded as failed."""
        try:
            outcome = future.result()
        except CancelledError:
            return
        except pool.WORKER_LOST as error:
            if self.stopped:
                return
            outcome = pool.autopsy(run.study, run.run_id, error, group.settings)
        self._count(outcome, run, report)

    def _count(self, outcome: Outcome, run: PendingRun, report: ProgressReport) -> None:
        self.tally.counts[outcome.what] += 1
        if outcome.failure is not None:
            self.failed.append((run.study.path, outcome.failure))
            report.say(f"{run.study.name} {run.run_id} failed: {outcome.failure.kind}: {outcome.failure.message}")
            if self._max_failures is not None and len(self.failed) > self._max_failures:
                self.stopped = f"more than {self._max_failures} models failed"

    def _wind_down(self, busy: _Busy, groups: Sequence[pool.WorkerGroup], report: ProgressReport) -> None:
        """Let the workers save and end, and count what still came in."""
        for group in groups:
            group.stop()
        deadline = time.monotonic() + self._grace_s
        while (
            busy and time.monotonic() < deadline and not self.hurry and any(group.is_open for _, group in busy.values())
        ):
            finished, _ = wait(busy, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                self._take(future, *busy.pop(future), report)


@contextmanager
def _stop_signals(dispatcher: _Dispatcher, report: ProgressReport) -> Iterator[None]:
    """SIGINT and SIGTERM stop the launch; a second one does not wait for the workers."""

    def handle(number: int, _frame: object) -> None:
        if dispatcher.stopped:
            dispatcher.hurry = True
        else:
            dispatcher.stopped = f"stopped by {signal.Signals(number).name}"
            dispatcher.by_signal = True
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


def _closing(dispatcher: _Dispatcher, seconds: float) -> str:
    """The last line: what was done, and how to go on if anything is left."""
    tally, counts = dispatcher.tally, dispatcher.tally.counts
    parts = [f"{counts[what]} {what}" for what in OVER if counts[what] or what == "done"]
    line = f"{', '.join(parts)} in {duration(seconds)}"
    if counts["held"]:
        line += f"; {counts['held']} are trained by another process"
    if dispatcher.stopped:
        line += f"; {dispatcher.stopped} with {tally.total - tally.over} left: the same command goes on from here"
    return line

"""The worker processes behind the local launcher, and what is said when one dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from dsx.base.errors import DsxError
from dsx.base.temporary import use_short_sockets
from dsx.launch import surroundings
from dsx.launch.devices import Slot
from dsx.launch.failures import record_failure
from dsx.launch.heartbeat import Heartbeat
from dsx.launch.worker import Outcome, WorkSettings, work
from dsx.recipes.own import OwnRecipe
from dsx.study import claims
from dsx.study.study import Study
from dsx.training.allocator import keep_freed_memory
from dsx.training.process import killed_by, resident_bytes


class WorkerGone(Exception):
    """A worker that ended with exit code 0 in the middle of its run."""

    exitcode = 0


WORKER_LOST = (ProcessExpired, TimeoutError, BrokenProcessPool, WorkerGone)
_OVER_MEMORY, _ORPHAN, _TERMINATED = 86, 87, 88  # exit codes of our own workers
# seconds that workers have to save and end after a stop before they are killed, and beside a program's own
GRACE_S, SAVE_S = 30.0, 10.0
_WATCH_EVERY_S = 0.5
# a worker loads torch before it begins: seconds, and minutes from a slow file system
MUTE_S = 600.0
_LOOK_ABOVE = (
    'what they said is above, if anything; a script must call launch under `if __name__ == "__main__":`, and'
    " `dsx doctor` tries to start one"
)


def grace_s(studies: Iterable[Study]) -> float:
    """Seconds that a stop leaves to these studies' workers: a program of the user's may have asked for longer."""
    asked = [study.recipe.stop_grace_s for study in studies if isinstance(study.recipe, OwnRecipe)]
    return max([GRACE_S, *(seconds + SAVE_S for seconds in asked)])


@dataclass(frozen=True)
class PoolSettings:
    """What every worker process of a launch is told. modules: those that it loads sooner or later."""

    work: WorkSettings
    modules: tuple[str, ...] = ("dsx.training.preload",)
    nice: int = 0
    memory_limit_gb: float | None = None  # resident memory of a process
    timeout_s: float | None = None  # of one model
    grace_s: float = GRACE_S


@dataclass(frozen=True)
class _WorkerStart:
    """What a new process gets."""

    stop: Connection  # closed by the parent when all are to end
    reports: Connection  # who took up what
    gpu: str | None
    safe_path: str | None  # the parent's own PYTHONSAFEPATH
    settings: PoolSettings


class WorkerGroup:
    """Worker processes that share a slot: all cores, or one GPU. They live inside the `with` statement."""

    def __init__(self, slot: Slot, size: int, settings: PoolSettings) -> None:
        self.size = size
        self.settings = settings
        # on a GPU a model must not be bound to a process before one is free; on a CPU a reserve keeps cores busy
        self.capacity = size if slot.gpu is not None else size + min(size, 4)
        self._slot = slot
        self._ours: Connection | None = None
        self._last_sign = time.monotonic()
        # (study, run) → process and its start time
        self._takers: dict[tuple[str, str], tuple[int, str]] = {}

    def __enter__(self) -> WorkerGroup:
        with _starting():
            use_short_sockets()
            context = _context(self.settings.modules)
            ours, self._theirs = context.Pipe(duplex=False)[::-1]
            self._ours = ours
            self._begun, reports = context.Pipe(duplex=False)
            self._reports = reports
            safe_path = os.environ.get(surroundings.SAFE_PATH)
            start = _WorkerStart(self._theirs, reports, self._slot.gpu, safe_path, self.settings)
            self._pool = ProcessPool(max_workers=self.size, initializer=_begin, initargs=(start,), context=context)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._pool.stop()
        self._pool.join(timeout=10)
        for end in (self._theirs, self._begun, self._reports):
            end.close()

    @property
    def is_open(self) -> bool:
        """Whether the pool can still give an answer."""
        return bool(self._pool.active)

    def schedule(self, study_path: Path, run_id: str) -> Future[Outcome]:
        """Hand one run to the next free worker. Raises DsxError if there can be no worker."""
        arguments = (str(study_path), run_id, self.settings.work)
        with _starting(), surroundings.same_search_path():
            future: Future[Outcome] = self._pool.schedule(_train_one, args=arguments, timeout=self.settings.timeout_s)
        return future

    def check_alive(self, waiting: Collection[Future[Outcome]]) -> None:
        """Raises DsxError if no answer can come any more, or no process has begun anything for MUTE_S seconds.

        waiting: what was handed out and has not come back.
        """
        if not waiting or any(future.done() or future.running() for future in waiting):
            self._last_sign = time.monotonic()
            return
        if not self._pool.active:
            raise DsxError(f"worker processes die before they can train; {_LOOK_ABOVE}")
        if time.monotonic() - self._last_sign > MUTE_S:
            raise DsxError(
                f"no worker process has begun to train in {MUTE_S / 60:g} min: each ends, or hangs, while it starts;"
                f" {_LOOK_ABOVE}"
            )

    def is_gone(self, study_path: Path, run_id: str) -> bool:
        """Whether the process that took this run up has ended; the pool itself takes no notice of exit code 0."""
        while self._begun.poll():
            path, taken, pid, started = self._begun.recv()
            self._takers[path, taken] = pid, started
        taker = self._takers.get((str(study_path), run_id))
        return taker is not None and not claims.is_running(*taker)

    def stop(self) -> None:
        """Tell the workers to save and end."""
        if self._ours is not None:
            self._ours.close()
            self._ours = None


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """What keeps processes from being started becomes one line that names it."""
    try:
        yield
    except (OSError, EOFError, BrokenProcessPool) as error:
        why = surroundings.why_not_started(error)
        raise DsxError(f"worker processes cannot be started: {why}; `dsx doctor` looks closer") from error


def _context(modules: Collection[str]) -> Any:
    """forkserver with the modules loaded once, where forking is safe; else spawn. Both leave our threads behind."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*modules, __name__])
    return context


def begin_loading(modules: Collection[str]) -> None:
    """Let what workers will need be loaded meanwhile, where processes are forked from one that has it.

    Raises DsxError if no process can be started.
    """
    if sys.platform == "linux":
        surroundings.check_processes()
        _context(modules)
        with _starting(), surroundings.same_search_path():
            forkserver.ensure_running()


def autopsy(study: Study, run_id: str, error: BaseException, settings: PoolSettings) -> Outcome:
    """Record why a worker was lost with its model."""
    held = claims.current(study.paths.run(run_id))
    if held is not None and not held.is_stale() and not isinstance(error, TimeoutError):
        return Outcome(run_id, "held")  # another process trains it: ours died of something else
    if isinstance(error, BrokenProcessPool):
        raise DsxError(f"worker processes die before they can train ({error}); {_LOOK_ABOVE}") from error
    if isinstance(error, TimeoutError):
        minutes = (settings.timeout_s or 0) / 60
        kind, message = "timeout", f"took longer than the time limit of {minutes:g} min"
    else:
        code = getattr(error, "exitcode", None)
        if code == _TERMINATED:
            return Outcome(run_id, "interrupted")
        if code == _OVER_MEMORY:
            kind, message = "out_of_memory", f"used more than the memory limit of {settings.memory_limit_gb:g} GB"
        elif code is not None and -code in set(signal.Signals):
            kind, message = "killed", f"its worker was {killed_by(-code)}"
        else:
            kind, message = "killed", f"its worker ended with exit code {code}"
    failure = record_failure(study, run_id, kind, message)
    return Outcome(run_id, "failed" if failure else "done", failure)


# ---- inside a worker process ----

_stop = threading.Event()
_terminated = threading.Event()
_idle = threading.Event()
_heartbeat: Heartbeat | None = None
_reports: Connection | None = None


def _begin(start: _WorkerStart) -> None:
    """Set up a new worker process."""
    global _heartbeat, _reports
    _reports = start.reports
    os.environ.pop(surroundings.SAFE_PATH, None)  # was for the start alone
    if start.safe_path is not None:
        os.environ[surroundings.SAFE_PATH] = start.safe_path
    if start.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = start.gpu
    if start.settings.nice and hasattr(os, "nice"):
        os.nice(start.settings.nice)
    keep_freed_memory()
    _heartbeat = Heartbeat()
    _idle.set()
    signal.signal(signal.SIGTERM, _on_terminate)
    watched = (start.stop, start.settings.memory_limit_gb, start.settings.grace_s)
    threading.Thread(target=_watch, args=watched, name="dsx-watch", daemon=True).start()


def _train_one(study_path: str, run_id: str, settings: WorkSettings) -> Outcome:
    if _stop.is_set():
        return Outcome(run_id, "interrupted")
    _idle.clear()
    assert _reports is not None
    # one write of less than a pipe's block, which those of other workers cannot divide
    _reports.send((study_path, run_id, os.getpid(), claims.process_start(os.getpid())))
    try:
        outcomes = work(study_path, [run_id], settings, should_stop=_stop.is_set, heartbeat=_heartbeat)
        if _terminated.is_set():
            os._exit(_TERMINATED)
        return next(iter(outcomes), Outcome(run_id, "interrupted"))
    finally:
        _idle.set()


def _on_terminate(_number: int, _frame: object) -> None:
    """SIGTERM to this worker alone or with its parent: save, and end, as the pool expects of it."""
    if _idle.is_set():
        os._exit(_TERMINATED)
    _terminated.set()
    _stop.set()


def _watch(stop_pipe: Connection, memory_limit_gb: float | None, grace_s: float) -> None:
    """Stop when the parent closes its end of the pipe, on purpose or by its death; end the process when over memory."""
    while not _stop.is_set():
        try:
            if stop_pipe.poll(_WATCH_EVERY_S):
                _stop.set()
        except (EOFError, OSError):
            _stop.set()
        if memory_limit_gb is not None and _resident_gb() + resident_bytes() / 1e9 > memory_limit_gb:
            os._exit(_OVER_MEMORY)
    deadline = time.monotonic() + 2 * grace_s  # of our own account, if nobody kills us earlier
    while time.monotonic() < deadline and not _parent_gone_and_idle():
        time.sleep(_WATCH_EVERY_S)
    os._exit(_ORPHAN)


def _parent_gone_and_idle() -> bool:
    parent = multiprocessing.parent_process()
    return _idle.is_set() and (parent is None or not parent.is_alive())


def _resident_gb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (OSError, ValueError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9

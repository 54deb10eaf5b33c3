"""The worker processes behind the local launcher, and what is said when one dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from dsx.base.errors import DsxError
from dsx.launch.devices import Slot
from dsx.launch.failures import record_failure
from dsx.launch.heartbeat import Heartbeat
from dsx.launch.worker import TRAINER, Outcome, Trainer, work
from dsx.study import claims
from dsx.study.study import Study
from dsx.training.allocator import keep_freed_memory

WORKER_LOST = (ProcessExpired, TimeoutError, BrokenProcessPool)
_OVER_MEMORY, _ORPHAN, _TERMINATED = 86, 87, 88  # exit codes of our own workers
_ORPHAN_GRACE_S = 60.0
_WATCH_EVERY_S = 0.5


@dataclass(frozen=True)
class Settings:
    """What every worker process of a launch is told. trainer: `module:function`."""

    retry: tuple[str, ...] = ()
    trainer: str = TRAINER
    threads: int | None = 1
    nice: int = 0
    memory_limit_gb: float | None = None
    timeout_s: float | None = None


def name_of(trainer: Trainer | str) -> str:
    """`module:function` of a trainer, which is how it reaches another process."""
    if isinstance(trainer, str):
        return trainer
    name = getattr(trainer, "__qualname__", "")
    if not name.isidentifier():
        raise DsxError(f"trainer {trainer!r}: expected a function at the top of a module, or module:function")
    return f"{trainer.__module__}:{name}"


class Group:
    """Worker processes that share a slot: all cores, or one GPU."""

    def __init__(self, slot: Slot, size: int, settings: Settings) -> None:
        self.size = size
        self.settings = settings
        self._device = slot.device
        # on a GPU a model must not be bound to a process before one is free; on a CPU a reserve keeps cores busy
        self.capacity = size if slot.gpu is not None else size + min(size, 4)
        context = _context(settings.trainer)
        ours, self._theirs = context.Pipe(duplex=False)[::-1]
        self._ours: Connection | None = ours
        self._pool = ProcessPool(
            max_workers=size,
            initializer=_begin,
            initargs=(self._theirs, slot.gpu, settings.nice, settings.memory_limit_gb),
            context=context,
        )

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._pool.stop()
        self._pool.join(timeout=10)
        self._theirs.close()

    def schedule(self, study_path: Path, run_id: str) -> Future[Outcome]:
        """Hand one run to the next free worker."""
        arguments = (str(study_path), run_id, self._device, self.settings)
        future: Future[Outcome] = self._pool.schedule(_train_one, args=arguments, timeout=self.settings.timeout_s)
        return future

    def stop(self) -> None:
        """Tell the workers to save and end."""
        if self._ours is not None:
            self._ours.close()
            self._ours = None


def _context(trainer: str) -> Any:
    """forkserver with the trainer loaded once, where forking is safe; else spawn. Both leave our threads behind."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    module = trainer.partition(":")[0]
    loaded = "dsx.training.preload" if trainer == TRAINER else module
    context.set_forkserver_preload([loaded, "dsx.launch.pool"])
    return context


def autopsy(study: Study, run_id: str, error: BaseException, settings: Settings) -> Outcome:
    """Record why a worker was lost with its model."""
    held = claims.current(study.paths.run(run_id))
    if held is not None and not held.is_stale() and not isinstance(error, TimeoutError):
        return Outcome(run_id, "held")  # another process trains it: ours died of something else
    if isinstance(error, BrokenProcessPool):
        raise DsxError(
            f"worker processes die before they can train ({error}); their own messages are above;"
            ' a script must call launch under `if __name__ == "__main__":`'
        ) from error
    if isinstance(error, TimeoutError):
        minutes = (settings.timeout_s or 0) / 60
        kind, message = "timeout", f"took longer than the time limit of {minutes:g} min"
    else:
        code = getattr(error, "exitcode", None)
        if code == _TERMINATED:
            return Outcome(run_id, "interrupted")
        if code == _OVER_MEMORY:
            kind, message = "out_of_memory", f"used more than the memory limit of {settings.memory_limit_gb:g} GB"
        else:
            kind, message = "killed", _cause(code)
    failure = record_failure(study, run_id, kind, message)
    return Outcome(run_id, "failed" if failure else "done", failure)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            hint = " (often the system is out of memory)" if name == "SIGKILL" else ""
            return f"its worker was killed by {name}{hint}"
    return f"its worker ended with exit code {code}"


# ---- inside a worker process ----

_stop = threading.Event()
_terminated = threading.Event()
_idle = threading.Event()
_heartbeat: Heartbeat | None = None


def _begin(stop_pipe: Connection, gpu: str | None, nice: int, memory_limit_gb: float | None) -> None:
    """Set up a new worker process."""
    global _heartbeat
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    if nice and hasattr(os, "nice"):
        os.nice(nice)
    keep_freed_memory()
    _heartbeat = Heartbeat()
    _idle.set()
    signal.signal(signal.SIGTERM, _on_terminate)
    threading.Thread(target=_watch, args=(stop_pipe, memory_limit_gb), name="dsx-watch", daemon=True).start()


def _train_one(study_path: str, run_id: str, device: str, settings: Settings) -> Outcome:
    if _stop.is_set():
        return Outcome(run_id, "interrupted")
    _idle.clear()
    try:
        outcomes: Iterable[Outcome] = work(
            study_path,
            [run_id],
            device=device,
            threads=settings.threads,
            should_stop=_stop.is_set,
            retry=settings.retry,
            trainer=settings.trainer,
            heartbeat=_heartbeat,
        )
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


def _watch(stop_pipe: Connection, memory_limit_gb: float | None) -> None:
    """Stop when the parent closes its end of the pipe, on purpose or by its death; end the process when over memory."""
    while not _stop.is_set():
        try:
            if stop_pipe.poll(_WATCH_EVERY_S):
                _stop.set()
        except (EOFError, OSError):
            _stop.set()
        if memory_limit_gb is not None and _resident_gb() > memory_limit_gb:
            os._exit(_OVER_MEMORY)
    deadline = time.monotonic() + _ORPHAN_GRACE_S
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

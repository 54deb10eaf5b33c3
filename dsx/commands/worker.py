"""`dsx worker`: one more worker for studies, started by whatever starts processes; claims keep workers apart."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dsx.base.text import plural
from dsx.commands.launch import plan, prepare, read_launch
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.study.study import Study, open_study

STOPPED = 75  # exit code of a worker that was told to stop while there was more to do, as of a program of one's own
_LOOK_EVERY_S = 10.0
_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGXCPU")


@dataclass(frozen=True)
class WorkerRequest:
    """What a worker is started with. recipe: None where the studies have theirs. stay: until every model is over."""

    folders: Sequence[str]
    recipe: str | None = None
    device: str = "auto"
    threads: int | None = 1
    retry: tuple[str, ...] = ()
    stay: bool = False
    overrides: Sequence[str] = ()


def worker(request: WorkerRequest, say: Callable[[str], object] = print) -> int:
    """Train what is pending in the studies, one model after another in this process; the exit code.

    Signals save the model at hand and end it. Raises DsxError as `dsx launch` does.
    """
    studies, recipes, _ = read_launch(request.folders, request.recipe, "debug", request.overrides)
    with _signals_as_event() as stop:
        options = LaunchOptions(request.device, retry=request.retry, progress=False, should_stop=stop.is_set)
        launcher = DebugLauncher(threads=request.threads)
        prepare(studies, plan(studies, recipes), launcher, options, say)
        trained: Counter[str] = Counter()
        counts: Counter[str] = Counter()  # of the last round
        while not stop.is_set():
            studies = [open_study(study.path) for study in studies]
            counts = Counter(launcher.launch(studies, options).counts)
            trained += counts
            options = replace(options, retry=())
            if not counts["done"] + counts["diverged"] + counts["failed"] and (
                not request.stay or _over(studies) or stop.wait(_LOOK_EVERY_S)
            ):
                break
        say(", ".join(f"{trained[what]} {what}" for what in ("done", "diverged", "failed")) + " by this worker")
        if (stop.is_set() or counts["interrupted"]) and not _over(studies):
            left = sum(study.counts()["pending"] for study in studies)
            say(f"{'told to stop; ' if stop.is_set() else ''}{plural(left, 'model')} pending")
            return STOPPED
    return 0


def _over(studies: Sequence[Study]) -> bool:
    """Whether nothing is pending or being trained."""
    return not any(study.counts()[state] for study in studies for state in ("pending", "running"))


@contextlib.contextmanager
def _signals_as_event() -> Iterator[threading.Event]:
    """Set by the signals with which schedulers and people end a process; a second Ctrl-C ends it at once."""
    stop = threading.Event()

    def note(number: int, _frame: object) -> None:
        stop.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, note) for number in known}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

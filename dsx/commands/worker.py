"""`dsx worker`: one more worker for studies, started by whatever starts processes; claims keep workers apart."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dsx.base.errors import check_at_least_one
from dsx.base.text import plural
from dsx.commands.launch import LaunchRequest, prepare, read_launch
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.results.states import OVER
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
    check_at_least_one("--threads", request.threads)
    launch = LaunchRequest(request.folders, request.recipe, "debug", overrides=request.overrides)
    studies, planned, _ = read_launch(launch)
    with _signals_as_event() as stop:
        options = LaunchOptions(request.device, retry=request.retry, progress=False, say=say, should_stop=stop.is_set)
        launcher = DebugLauncher(threads=request.threads)
        prepare(studies, planned, launcher, options, say)
        trained: Counter[str] = Counter()
        counts: Counter[str] = Counter()  # of the last round
        while not stop.is_set():
            studies = [open_study(study.path) for study in studies]
            counts = Counter(launcher.launch(studies, options).counts)
            trained += counts
            options = replace(options, retry=())
            if not any(counts[what] for what in OVER) and (
                not request.stay or not _left(studies) or stop.wait(_LOOK_EVERY_S)
            ):
                break
        say(", ".join(f"{trained[what]} {what}" for what in OVER) + " by this worker")
        if (stop.is_set() or counts["interrupted"]) and _left(studies):
            left = sum(study.counts()["pending"] for study in studies)
            say(f"{'told to stop; ' if stop.is_set() else ''}{plural(left, 'model')} pending")
            return STOPPED
    return 0


def _left(studies: Sequence[Study]) -> bool:
    """Whether something is pending or being trained."""
    return any(study.left() for study in studies)


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

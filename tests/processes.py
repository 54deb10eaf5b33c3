"""Other processes, seen from a test: whether they are there, their end, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def is_there(pid: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Signal a process that may have ended by itself a moment ago; whether it was there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def wait_until(condition: Callable[[], object], seconds: float = 120, every_s: float = 0.01) -> None:
    """Wait for something that comes; the time is for a busy machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(every_s)

"""Progress of what takes long, a launch above all: a bar on a terminal, a plain line now and then otherwise."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol, TextIO

from dsx.base.units import duration, rate
from dsx.results.states import OVER

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_EVERY_S = 30.0
# outcomes of a run that leave nothing to do for this launch
_OVER = (*OVER, "skipped", "held")


class Counted(Protocol):
    """What is counted while it grows."""

    total: int

    @property
    def over(self) -> int: ...

    def sentence(self) -> str: ...


class LaunchTally:
    """Counts of a launch and the sentence that says them. total: runs that this launch set out to train."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self._started = time.monotonic()

    @property
    def over(self) -> int:
        """Runs that need nothing more of this launch."""
        return sum(self.counts[what] for what in _OVER)

    @property
    def models_per_hour(self) -> float:
        """Trained models by the hours since the launch began; 0 before the first."""
        trained = sum(self.counts[what] for what in OVER)
        return trained / max(time.monotonic() - self._started, 1e-9) * 3600

    def sentence(self) -> str:
        """`12/72 done, 1 diverged, 0 failed, 360 models/h, 10 min left`."""
        parts = [f"{self.counts['done']}/{self.total} done"]
        parts += [f"{self.counts[what]} {what}" for what in ("diverged", "failed")]
        if self.counts["held"]:
            parts.append(f"{self.counts['held']} trained elsewhere")
        if self.models_per_hour:
            parts.append(rate(self.models_per_hour))
            if self.total > self.over:
                parts.append(f"{duration((self.total - self.over) / self.models_per_hour * 3600)} left")
        return ", ".join(parts)


class ProgressReport:
    """Shows a tally while it grows. Use as a context manager; `note` after every run, `say` for a line in between."""

    def __init__(self, tally: Counted, *, show: bool = True, stream: TextIO | None = None) -> None:
        self._tally = tally
        self._stream = stream if stream is not None else sys.stderr
        self._bar: Progress | None = None
        self._show = show
        self._next = time.monotonic() + PLAIN_EVERY_S

    def __enter__(self) -> ProgressReport:
        if self._show and self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(file=self._stream), refresh_per_second=4)
            self._task = self._bar.add_task(self._tally.sentence(), total=self._tally.total)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self.note()
            self._bar.stop()

    def note(self) -> None:
        """Show where things stand: at once in a bar, every half minute in lines."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._tally.over, description=self._tally.sentence())
        elif self._show and time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            self.say(self._tally.sentence())

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        elif self._show:
            print(line, file=self._stream, flush=True)

"""What a launcher is: a configuration, typed when it is read, that starts the training of studies.

The study's folder is the only state: `status` and `cancel` are asked by commands that know a study and nothing of the
launch that started its jobs. What a launcher needs for them it keeps in the study's `jobs/` folder.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dsx.base.schema import Frozen
from dsx.launch.options import LaunchOptions
from dsx.study.results import Failure
from dsx.study.study import Study


@dataclass(frozen=True)
class Preview:
    """What a launch would do."""

    at_once: int  # models trained at the same time
    place: str  # where, in words
    lines: tuple[str, ...] = ()  # what else is to be said, such as where a job's script lies


@dataclass(frozen=True)
class Launched:
    """What a launch did before it returned."""

    counts: dict[str, int] = field(default_factory=dict)  # outcome → runs, of those it trained itself
    seconds: float = 0.0
    stopped: str = ""  # why it ended early, or empty
    by_signal: bool = False  # whether a signal was the reason
    failed: tuple[tuple[Path, Failure], ...] = ()
    lines: tuple[str, ...] = ()  # what is to be said, such as the jobs that now wait in a queue
    submitted: int = 0  # runs that were put into a queue just now


class Launcher(Frozen):
    """Base of every launcher. Its fields are what `experiments/launcher/NAME.yaml` may say; `kind` names the class."""

    # whether models train on this machine, so that their data must be here before anything is written
    trains_here: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def check(self, studies: Sequence[Study], options: LaunchOptions) -> None:
        """Raise DsxError, in one line, for what keeps these studies from being trained; change nothing.

        Asked for all studies of a launch before any of them is changed. Each has its recipe.
        """

    @abstractmethod
    def preview(self, studies: Sequence[Study], options: LaunchOptions) -> Preview:
        """What `launch` would do. No study changes. Raises DsxError if it could do nothing."""

    @abstractmethod
    def launch(self, studies: Sequence[Study], options: LaunchOptions) -> Launched:
        """Start the training of all that is pending, or failed and to be retried; return when that needs no more care.

        Finished runs are skipped, and those that others train or have in a queue are left alone. Raises DsxError.
        """

    def afterwards(self, studies: Sequence[Study], words: Sequence[str]) -> str:  # noqa: ARG002 (for those with jobs)
        """Have `dsx WORDS` run when all jobs of these studies have ended; what to say of it; nothing if not."""
        return ""

    @classmethod
    def status(cls, study: Study) -> list[str]:  # noqa: ARG003 (for those that have jobs)
        """What to say of this study's jobs; nothing if this launcher has none. Never raises."""
        return []

    @classmethod
    def cancel(cls, study: Study) -> int | None:  # noqa: ARG003 (for those that have jobs)
        """Cancel this study's jobs; how many were queued or running, None if this launcher never had any."""
        return None

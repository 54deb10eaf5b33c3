"""`dsx cancel`: cancel the jobs of studies, whatever launcher started them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsx.base.text import plural
from dsx.commands.selection import chosen
from dsx.launch import registry


@dataclass(frozen=True)
class Cancelled:
    """What became of one study's jobs. jobs: how many were queued or running; None if it never had any."""

    study: Path
    jobs: int | None

    def sentence(self) -> str:
        """`runs/A: 6 jobs cancelled`."""
        if self.jobs is None:
            return f"{self.study}: no jobs on a cluster; a local launch ends with Ctrl-C"
        return f"{self.study}: {plural(self.jobs, 'job')} cancelled"


def cancel(folders: Sequence[str]) -> list[Cancelled]:
    """Cancel the queued and running jobs of studies; what they trained stays and is resumed by the next launch."""
    classes = [registry.launcher_class(kind) for kind in registry.kinds()]
    cancelled = []
    for study in chosen(folders):
        counts = [count for count in (launcher.cancel(study) for launcher in classes) if count is not None]
        cancelled.append(Cancelled(study.path, sum(counts) if counts else None))
    return cancelled

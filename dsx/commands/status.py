"""`dsx status`: where studies stand, and the jobs behind them, whatever launcher started them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsx.base.errors import DsxError
from dsx.commands.selection import chosen
from dsx.commands.standings import standings
from dsx.launch import registry
from dsx.study import status as study_status
from dsx.study.status import Status
from dsx.study.study import Study, open_study

# a queue is asked at most so often, however often a study is looked at
ASK_EVERY_S = 60.0


@dataclass(frozen=True)
class StudyStatus:
    """One look at one study. jobs: what the launchers say of it, in words. comparison: how far it is decided."""

    status: Status
    jobs: tuple[str, ...]
    comparison: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        return [*study_status.describe(self.status), *self.jobs, *self.comparison]


def status(folders: Sequence[str]) -> list[StudyStatus]:
    """Look once at the studies in these folders, or at the last ones."""
    studies = chosen(folders)
    compared = standings(studies)
    return [StudyStatus(study_status.status(s), jobs(s), c) for s, c in zip(studies, compared, strict=True)]


def watch(folders: Sequence[str], every_s: float = 5.0) -> Iterator[list[StudyStatus]]:
    """Look at them again every so many seconds, for ever; at their jobs at most once a minute."""
    paths = [study.path for study in chosen(folders)]
    asked: float | None = None
    said: list[tuple[str, ...]] = []
    while True:
        studies = [open_study(path) for path in paths]
        if asked is None or time.monotonic() - asked >= ASK_EVERY_S:
            said, asked = [jobs(study) for study in studies], time.monotonic()
        every = zip(studies, said, standings(studies), strict=True)
        yield [StudyStatus(study_status.status(study), lines, compared) for study, lines, compared in every]
        time.sleep(every_s)


def jobs(study: Study) -> tuple[str, ...]:
    """What every launcher says of a study's jobs; of one that cannot be loaded, why."""
    lines: list[str] = []
    for kind in registry.kinds():
        try:
            lines += registry.launcher_class(kind).status(study)
        except DsxError as error:
            lines.append(f"  jobs: {error}")
    return tuple(lines)

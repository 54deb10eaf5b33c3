"""`dsx status`: where studies stand, and the jobs behind them, whatever launcher started them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.commands.selection import chosen
from dsx.commands.standings import standings
from dsx.designing.folder import DesignFolder
from dsx.launch import registry
from dsx.study import status as study_status
from dsx.study.status import Status
from dsx.study.study import Study

# a queue is asked at most so often, however often a study is looked at
ASK_EVERY_S = 60.0


@dataclass(frozen=True)
class StudyStatus:
    """One look at one study. jobs: what the launchers say of it, in words. comparison: how far it is decided."""

    status: Status
    jobs: tuple[str, ...]
    comparison: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """For scripts."""
        return {**asdict(self.status), "jobs": list(self.jobs), "comparison": list(self.comparison)}

    def lines(self) -> list[str]:
        """For people."""
        return [*study_status.describe(self.status), *self.jobs, *self.comparison]


@dataclass(frozen=True)
class WalkStatus:
    """One look at a walk of `dsx design`."""

    words: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """For scripts."""
        return {"walk": list(self.words)}

    def lines(self) -> list[str]:
        """For people."""
        return list(self.words)


def status(folders: Sequence[str]) -> list[StudyStatus | WalkStatus]:
    """Look once at the studies and walks in these folders, or at the last studies."""
    return next(watch(folders))


def watch(folders: Sequence[str], every_s: float = 5.0) -> Iterator[list[StudyStatus | WalkStatus]]:
    """Look at them again every so many seconds, for ever; at their jobs at most once a minute."""
    folders = folders or [str(study.path) for study in chosen(folders)]
    asked = -ASK_EVERY_S
    said: dict[Path, tuple[str, ...]] = {}
    while True:
        walks, studies = _looked_at(folders)
        if time.monotonic() - asked >= ASK_EVERY_S:
            said, asked = {study.path: jobs(study) for study in studies}, time.monotonic()
        every = zip(studies, standings(studies), strict=True)
        yield [*walks, *(StudyStatus(study_status.status(s), said.get(s.path, ()), c) for s, c in every)]
        time.sleep(every_s)


def _looked_at(folders: Sequence[str]) -> tuple[list[WalkStatus], list[Study]]:
    """The walks among the folders, and the studies: of a walk those that are not all trained yet."""
    walks = [Path(folder) for folder in folders if DesignFolder(Path(folder)).exists()]
    if not walks:
        return [], chosen(folders)
    from dsx.commands.design import standing, studies_in  # half of the time that a look at a study takes

    others = [folder for folder in folders if Path(folder) not in walks]
    at_work = [study for walk in walks for study in studies_in(walk) if study.left()]
    studies = chosen(others) if others else []
    return [WalkStatus(tuple(standing(walk))) for walk in walks], [*at_work, *studies]


def jobs(study: Study) -> tuple[str, ...]:
    """What every launcher says of a study's jobs; of one that cannot be loaded, why."""
    lines: list[str] = []
    for kind in registry.kinds():
        try:
            lines += registry.launcher_class(kind).status(study)
        except DsxError as error:
            lines.append(f"  jobs: {error}")
    return tuple(lines)

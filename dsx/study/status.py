"""Where a study stands, told from its files alone: counts, failures by cause, speed, time left."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field

from dsx.base.units import duration, rate
from dsx.results.states import STATES
from dsx.study.finished import Finished
from dsx.study.results import Failure, Scan
from dsx.study.study import Study

# speed is taken from the results of the last hour before the newest one, and of at most so many
_WINDOW_S = 3600.0
_WINDOW_RESULTS = 200
# after this long without a result, the speed of then says nothing about now
_IDLE_S = 3600.0


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one class and message. traceback: of the latest. remedy: the command that tries them again."""

    kind: str
    message: str
    run_ids: list[str]
    remedy: str
    traceback: str = field(default="", repr=False)


@dataclass(frozen=True)
class Status:
    """One look at a study. models_per_hour, hours_left: None if they cannot be told yet. problems: unusable files."""

    name: str
    path: str
    counts: dict[str, int]
    recipe: str | None
    groups: list[FailureGroup]
    models_per_hour: float | None
    hours_left: float | None
    problems: list[str]

    @property
    def total(self) -> int:
        """Runs of the study, whatever their state."""
        return sum(self.counts.values())


def status(study: Study) -> Status:
    """Look at the files of a study."""
    scan = study.scan()
    counts = scan.counts()
    speed = models_per_hour(scan)
    left = counts["pending"] + counts["running"]
    return Status(
        name=study.name,
        path=str(study.path),
        counts=counts,
        recipe=study.recipe.label if study.recipe is not None else None,
        groups=grouped(study, list(scan.failures.values())),
        models_per_hour=speed,
        hours_left=left / speed if speed and counts["running"] else None,
        problems=scan.problems,
    )


def models_per_hour(scan: Scan) -> float | None:
    """Speed of the latest results; None if it cannot be told: fewer than two, none for an hour, or all at one time.

    The time between results is what counts, so workers that joined or left are seen within the hour. Results that
    came within less than one training takes say nothing: all workers' first ones, or records that do not say when they
    were made, in a folder that was copied.
    """
    rows = sorted(scan.finished.values(), key=_ended)[-_WINDOW_RESULTS:]
    rows = [row for row in rows if _ended(row) >= _ended(rows[-1]) - _WINDOW_S]
    if len(rows) < 2 or time.time() - _ended(rows[-1]) > _IDLE_S:
        return None
    span = _ended(rows[-1]) - _ended(rows[0])
    seconds = sorted(row.seconds for row in rows if row.seconds > 0)
    if span <= 0 or (seconds and span < seconds[len(seconds) // 2]):
        return None
    return (len(rows) - 1) / span * 3600


def _ended(row: Finished) -> float:
    """When a training ended, in seconds since 1970: as its record says, else when the file was written."""
    return row.ended if row.ended > 0 else row.mtime_ns / 1e9


def grouped(study: Study, failures: list[Failure]) -> list[FailureGroup]:
    """Failures by class and message, the most frequent first."""
    by_cause: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        by_cause.setdefault((failure.kind, failure.message), []).append(failure)
    groups = []
    for (kind, message), members in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        latest = max(members, key=lambda failure: failure.time)
        run_ids = [failure.run_id for failure in members]
        groups.append(FailureGroup(kind, message, run_ids, _remedy(study, kind), latest.traceback))
    return groups


def _remedy(study: Study, kind: str) -> str:
    on_cluster = (study.paths.jobs / "submissions").is_dir()
    more = {"out_of_memory": " --mem-gb 2x", "timeout": " --timeout-min 2x"}.get(kind, "") if on_cluster else ""
    return f"dsx launch {shlex.quote(str(study.path))} --retry {kind}{more}"


def describe(status: Status, *, ids: int = 6) -> list[str]:
    """The status as lines of plain text. ids: how many models of a group of failures are named."""
    counts = [f"{status.counts[state]} {state}" for state in STATES]
    line = f"{status.path}   {'  '.join(counts)}"
    if status.models_per_hour is not None:
        line += f"      {rate(status.models_per_hour)}"
    if status.hours_left is not None:
        line += f", {duration(3600 * status.hours_left)} left"
    lines = [line]
    if status.recipe is None:
        lines.append(f"  no recipe yet: dsx launch {shlex.quote(str(status.path))} --recipe NAME")
    for group in status.groups:
        named = ", ".join(group.run_ids[:ids]) + (
            f" and {len(group.run_ids) - ids} more" if len(group.run_ids) > ids else ""
        )
        lines.append(f"  failed {len(group.run_ids)} × {group.kind}  {group.message}  ({named})   {group.remedy}")
    return lines + [f"  {problem}" for problem in status.problems]

"""One command at a time changes what a study is: its study.yaml and its population. Training needs no such turn."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.study import claims
from dsx.study.claims import Claim
from dsx.study.paths import RunPaths, StudyPaths

# a change takes seconds; of a holder on another machine that died, ten minutes pass before its claim is stale
PATIENCE_S = 120.0
_LOOK_EVERY_S = 0.05


@contextmanager
def changing(paths: StudyPaths) -> Iterator[Claim]:
    """The turn to change a study, as a claim that is held inside the `with` statement.

    A turn whose holder died is taken over, as a run is. Raises StudyError if another command keeps its turn for too
    long, and RecordError if the folder cannot be written.
    """
    busy = f"another command has been changing it for {PATIENCE_S / 60:.0f} min; try again when it is through"
    with turn(paths.turn, paths.definition, PATIENCE_S, f"{paths.root}: {busy}") as held:
        yield held


@contextmanager
def turn(place: Path, changed: Path, patience_s: float, busy: str) -> Iterator[Claim]:
    """A turn of one process at a time, kept in a folder; busy: what is said if others keep theirs for too long.

    changed: the file that is named where the turn cannot be written.
    """
    deadline = time.monotonic() + patience_s
    while (held := _claim(RunPaths(place), changed)) is None:
        if time.monotonic() > deadline:
            raise StudyError(busy)
        time.sleep(_LOOK_EVERY_S * random.uniform(0.5, 1.5))  # two that made way for each other do not meet again
    try:
        yield held
    finally:
        held.withdraw()


def _claim(place: RunPaths, changed: Path) -> Claim | None:
    """The turn, or None if another has it."""
    try:
        held = claims.claim(place)
        if held is not None and not held.is_sole():
            held.withdraw()
            return None
        return held
    except files.RecordError as error:
        if isinstance(error.__cause__, OSError):
            raise files.RecordError(files.unwritable(changed, error.__cause__)) from error
        raise

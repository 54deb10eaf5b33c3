"""What studies are trained for, where they grow until a comparison is decided: kept in the folder of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsx.base import files
from dsx.study.paths import StudyPaths
from dsx.study.study import Study


@dataclass(frozen=True)
class Aim:
    """folders: of the studies that are compared. margin: for equivalence, as it was typed; None: none is asked for.

    at_most: models of each study that may be trained for it.
    """

    folders: tuple[Path, ...]
    at_most: int
    margin: str | None = None
    level: float = 0.95


def keep_aim(studies: Sequence[Study], at_most: int, margin: str | None, level: float) -> None:
    """Write `until.json` into every study's folder; the others are named from there, so that all may be moved."""
    for study in studies:
        relative = [os.path.relpath(other.path, study.path) for other in studies]
        content = {"studies": relative, "at_most": at_most, "margin": margin, "level": level}
        if files.load_json(study.paths.until)[0] != content:
            files.write_json(study.paths.until, content)


def read_aim(paths: StudyPaths) -> Aim | None:
    """What the study in that folder is trained for; None if nothing, or the record is torn."""
    content, _ = files.load_json(paths.until)
    try:
        folders = tuple(Path(os.path.normpath(paths.root / name)) for name in content["studies"]) if content else ()
        return Aim(folders, int(content["at_most"]), content["margin"], float(content["level"])) if content else None
    except (KeyError, TypeError, ValueError):
        return None

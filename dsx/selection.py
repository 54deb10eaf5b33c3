"""Which studies a command means: those named, or those that the last `sample`, `train` or `run` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsx.errors import StudyError
from dsx.study import records
from dsx.study.study import Study, open_study

LAST = Path("runs/.last.json")


def remember(studies: Sequence[Study]) -> None:
    """Note these studies as the ones that commands take when none is named; kept under ./runs."""
    if any(Path("runs").resolve() in study.path.resolve().parents for study in studies):
        records.write_json(LAST, {"studies": [str(study.path) for study in studies]})


def chosen(folders: Sequence[str]) -> list[Study]:
    """The named studies, or those that the last sample or run wrote, which are then printed.

    A folder that holds several studies, as an experiment's does, stands for all of them.
    Raises StudyError for a folder that is no study, one named twice, and if none is named and none was written.
    """
    if folders:
        found = [study for folder in folders for study in _studies_in(folder)]
        paths = [study.path.resolve() for study in found]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            raise StudyError(f"{twice}: named twice: name each study once")
        return found
    content = records.read_json(LAST) if LAST.is_file() else None
    if not content:
        raise StudyError("no study named, and none under ./runs that the last `dsx sample` or `dsx run` wrote")
    last = [open_study(path) for path in content["studies"]]
    print(f"studies: {', '.join(str(study.path) for study in last)}")
    return last


def _studies_in(folder: str) -> list[Study]:
    path = Path(folder)
    inside = [] if (path / "study.yaml").exists() or not path.is_dir() else sorted(path.glob("*/study.yaml"))
    return [open_study(file.parent) for file in inside] or [open_study(folder)]

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.study import changing as module
from dsx.study import claims
from dsx.study.changing import changing
from dsx.study.paths import StudyPaths

HOLD = (
    "import os, sys\n"
    "from pathlib import Path\n"
    "from dsx.study.changing import changing\n"
    "from dsx.study.paths import StudyPaths\n"
    "with changing(StudyPaths(Path(sys.argv[1]))):\n"
    "    os._exit(0)\n"
)


def test_one_at_a_time_changes_a_study_and_nothing_is_left_behind(tmp_path):
    paths, inside = StudyPaths(tmp_path / "a"), []

    def change(_):
        with changing(paths):
            inside.append(1)
            time.sleep(0.001)
            inside.pop()
            assert not inside

    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(change, range(64)))) == 64
    assert list(paths.turn.iterdir()) == []


def test_the_turn_of_a_dead_process_is_taken_over(tmp_path):
    subprocess.run([sys.executable, "-c", HOLD, str(tmp_path)], check=True)
    assert [path.name for path in StudyPaths(tmp_path).turn.iterdir()] == ["claim.1.json"]
    with changing(StudyPaths(tmp_path)) as turn:
        assert turn.generation == 2


def test_a_folder_that_cannot_be_written_is_told_of_the_definition(tmp_path, monkeypatch):
    def full(*_):
        raise files.RecordError("claim.1.json: no") from OSError(28, "No space left on device")

    monkeypatch.setattr(claims, "claim", full)
    with pytest.raises(files.RecordError) as caught, changing(StudyPaths(tmp_path)):
        pass
    assert str(caught.value) == (
        f"{tmp_path}/study.yaml: cannot be written (No space left on device); nothing is lost: see to the folder, then"
        " run the same command again"
    )


def test_who_waits_too_long_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    with changing(StudyPaths(tmp_path)), pytest.raises(StudyError) as caught, changing(StudyPaths(tmp_path)):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: another command has been changing it for 0 min; try again when it is through"
    )

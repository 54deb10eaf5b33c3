"""A disk that is full, and a folder that became read-only: a small file system of their own."""

import contextlib
import os
import subprocess
import warnings

import pytest

from dsx.base.errors import DsxError
from dsx.base.files import RecordError, RecordWarning
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import read_recipe
from dsx.study.status import status
from dsx.study.study import open_study

from standins import expected_error, launch_here, make_study


@pytest.fixture
def small_disk(tmp_path):
    """4 MB, mounted; gone afterwards."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        pytest.skip(f"needs root to mount: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], timeout=20, check=False)


def remount(place, mode):
    subprocess.run(["mount", "-o", f"remount,{mode},size=4m", str(place)], timeout=20, check=True)


def fill(place):
    path = place / "ballast"
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return path


def go(study):
    return launch_here(study)


def check_no_torn_record(study):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RecordWarning)
        found = status(study)
    assert found.problems == []
    assert found.counts["failed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_fails_is_one_clear_line_and_the_study_goes_on_later(small_disk, fault):
    study = make_study(small_disk / "a", n=6)
    launch_here(study, workers=1, limit=2)
    ballast = fill(small_disk) if fault == "full" else None
    if fault == "read-only":
        remount(small_disk, "ro")
    with pytest.raises(DsxError) as caught:
        go(study)
    assert "\n" not in str(caught.value)
    words = "No space left on device" if fault == "full" else "Read-only file system"
    assert f"cannot be written ({words}); nothing is lost" in str(caught.value)
    check_no_torn_record(study)
    assert study.counts()["done"] == 2
    assert len(study.results()) == 6
    if ballast is not None:
        os.unlink(ballast)
    else:
        remount(small_disk, "rw")
    go(open_study(study.path))
    assert list(study.results()["error"]) == [expected_error(run.model_id, run.seed) for run in study.runs()]


def test_a_program_of_the_users_own_that_fills_the_disk_is_one_clear_line_and_the_study_goes_on_later(small_disk):
    study = make_study(small_disk / "a", n=3, recipe=False)
    script = 'cat /dev/zero > "$DSX_FOLDER/big" || exit 1'
    study.set_recipe(read_recipe({"name": "own", "command": ["sh", "-c", script]}))
    with pytest.raises(RecordError, match=r"cannot be written \(No space left on device\); nothing is lost"):
        DebugLauncher().launch([study], LaunchOptions(device="cpu", progress=False))
    for path in study.path.glob("models/*/*/own/big"):
        path.unlink()
    check_no_torn_record(study)
    assert study.counts()["done"] == 0

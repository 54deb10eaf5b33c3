"""With the real trainer: kill -9 of the whole tree, then the same command again."""

import json
import os
import signal
import subprocess
import sys

import pytest
from processes import wait_until

from dsx.recipes.recipe import TRAINER

from standins import launch_here, make_study

pytestmark = pytest.mark.slow

# what depends on the clock, and is no part of a result
MEASURED = ("seconds", "images_per_second", "peak_memory_bytes", "waiting", "ended", "train_seconds", "environment")
LAUNCH = (
    "import signal, sys; import dsx\n"
    "from dsx.launch.local.launcher import LocalLauncher; from dsx.launch.options import LaunchOptions\n"
    "from dsx.study.study import open_study\n"
    "def held(*args, **options):\n"  # waits after its first epoch, to be killed
    "    return dsx.train(*args, on_epoch=lambda _: signal.pause(), **options)\n"
    "if __name__ == '__main__':\n"
    "    LocalLauncher().launch([open_study(sys.argv[1])], LaunchOptions(workers=2, device='cpu', trainer='l:held'))\n"
)
CHANGES = {"epochs": 2, "schedule.warmup_epochs": 1}


def plain(content):
    if isinstance(content, dict):
        return {key: plain(value) for key, value in content.items() if key not in MEASURED}
    return [plain(value) for value in content] if isinstance(content, list) else content


def results(study):
    return [plain(json.loads(study.paths.run(run.run_id).result.read_text())) for run in study.runs()]


def test_a_launch_killed_at_any_moment_ends_with_the_results_of_an_undisturbed_one(tmp_path):
    whole = make_study(tmp_path / "whole" / "a", n=3, **CHANGES)
    launch_here(whole, trainer=TRAINER)
    broken = make_study(tmp_path / "broken" / "a", n=3, **CHANGES)
    script = tmp_path / "l.py"
    script.write_text(LAUNCH)
    process = subprocess.Popen(
        [sys.executable, str(script), str(broken.path)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: list(broken.paths.models.glob("*/*/checkpoint.pt")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    launch_here(broken, trainer=TRAINER)
    assert broken.counts()["done"] == 3
    assert results(broken) == results(whole)
    assert not list(broken.paths.models.rglob("claim*"))
    assert not list(broken.paths.models.rglob("checkpoint*"))

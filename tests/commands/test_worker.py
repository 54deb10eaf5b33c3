"""`dsx worker`: as many as are started share a study; signals end one, and what it leaves is for the others."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import end, is_there, wait_until

from dsx.base.errors import DsxError
from dsx.commands.worker import STOPPED, WorkerRequest, worker
from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study, open_study

from standins import make_study

# a program that tells of its beginning and end, and of another one at work in its folder; some are held by a file
PROGRAM = """#!/bin/sh
marks=$(dirname "$0")/marks
mkdir -p "$marks"
last=$(cat "$DSX_FOLDER/at-work" 2>/dev/null)
if [ -n "$last" ] && [ -e "/proc/$last/stat" ] && ! grep -q ') Z ' "/proc/$last/stat"; then
    touch "$marks/$DSX_MODEL.overlap"
fi
echo $$ > "$DSX_FOLDER/at-work"
echo "$DSX_MODEL" >> "$marks/begun"
trap 'exit 75' TERM
i=0
while [ $i -lt %d ] || [ -e "$marks/$DSX_MODEL.hold" ]; do sleep 0.05; i=$((i + 1)); done
rm -f "$DSX_FOLDER/at-work"
echo '{"error": 12.5}'
"""


def shell_study(folder: Path, n: int, steps: int = 4) -> Study:
    (folder / "train.sh").write_text(PROGRAM % steps)
    study = make_study(folder / "study", n=n, recipe=False)
    study.set_recipe(read_recipe({"name": "shell", "command": ["sh", str(folder / "train.sh")], "stop_grace_s": 2}))
    return study


def begun(folder: Path) -> list[str]:
    path = folder / "marks" / "begun"
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
def test_a_worker_trains_what_is_pending_and_says_so(tmp_path: Path) -> None:
    study = shell_study(tmp_path, n=3)
    said: list[str] = []
    assert worker(WorkerRequest([str(study.path)], device="cpu"), said.append) == 0
    assert said[-1] == "3 done, 0 diverged, 0 failed by this worker"
    assert sorted(begun(tmp_path)) == sorted(study.population.model_ids)
    assert worker(WorkerRequest([str(study.path)], device="cpu", stay=True), said.append) == 0
    assert said[-1] == "0 done, 0 diverged, 0 failed by this worker"


def test_a_study_without_a_recipe_gets_the_one_that_is_named(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", n=1, recipe=False)
    with pytest.raises(DsxError, match="has no recipe yet"):
        worker(WorkerRequest([str(study.path)], device="cpu"))
    (tmp_path / "mine.yaml").write_text("name: mine\ncommand: [echo, '{{\"error\": 3}}']\n")
    assert worker(WorkerRequest([str(study.path)], str(tmp_path / "mine.yaml"), "cpu"), lambda _: None) == 0
    assert open_study(study.path).results()["error"].tolist() == [3.0]


@pytest.mark.slow
def test_a_signal_saves_the_model_at_hand_and_the_exit_code_says_that_there_is_more(tmp_path: Path) -> None:
    study = shell_study(tmp_path, n=3, steps=400)
    command = [sys.executable, "-m", "dsx", "worker", str(study.path), "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len(begun(tmp_path)) == 1)
    process.send_signal(signal.SIGUSR1)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert out.splitlines()[-1] == "told to stop; 3 models pending"
    assert study.counts()["pending"] == 3


QSUB = """#!/bin/sh
# a stand-in for a scheduler: runs a command in the background, in a session of its own, and prints its process id
setsid "$@" > /dev/null 2>&1 < /dev/null &
echo $!
"""


@pytest.mark.slow
def test_sixteen_workers_of_a_foreign_scheduler_killed_at_random_lose_nothing_and_train_nothing_twice(
    tmp_path: Path,
) -> None:
    study = shell_study(tmp_path, n=48, steps=10)
    (tmp_path / "marks").mkdir()
    held = [tmp_path / "marks" / f"{model}.hold" for model in study.population.model_ids[-8:]]
    for hold in held:
        hold.touch()
    (tmp_path / "qsub").write_text(QSUB)
    (tmp_path / "qsub").chmod(0o755)
    command = [str(tmp_path / "qsub"), sys.executable, "-m", "dsx", "worker", str(study.path), "--device", "cpu"]

    def submit() -> int:
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    dice = random.Random(15)
    workers, kills = [submit() for _ in range(16)], 0
    wait_until(lambda: len(begun(tmp_path)) > 4)
    while kills < 12:
        victim = dice.choice(workers)
        kills += end(victim)
        workers[workers.index(victim)] = submit()
        time.sleep(dice.uniform(0.1, 0.6))
    for hold in held:
        hold.unlink()
    wait_until(lambda: study.counts()["done"] == 48 or not any(map(is_there, workers)), seconds=600)
    if study.counts()["done"] < 48:  # the last of them was killed: as always, one more worker takes what is left
        assert worker(WorkerRequest([str(study.path)], device="cpu"), lambda _: None) == 0
    assert open_study(study.path).results()["error"].tolist() == [12.5] * 48
    assert not list((tmp_path / "marks").glob("*.overlap"))
    assert len(begun(tmp_path)) <= 48 + kills  # begun again only what a kill had ended
    wait_until(lambda: not any(map(is_there, workers)))


def test_a_program_that_stops_by_itself_leaves_more_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "pausing", "command": ["sh", "-c", "exit 75"]}))
    said: list[str] = []
    assert worker(WorkerRequest([str(study.path)]), said.append) == STOPPED
    assert said[-2:] == ["0 done, 0 diverged, 0 failed by this worker", "1 model pending"]

"""SIGKILL at random moments: to launches and their workers on this machine, and to workers of a foreign scheduler."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tally import Tally

from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study, open_study

from standins import expected_error, make_study, trainings

HERE = Path(__file__).resolve().parent
_PATIENCE_S = 300.0
LAUNCH = """
import sys
sys.path.insert(0, sys.argv[1])
from standins import launch_here
from dsx.study.study import open_study
if __name__ == "__main__":
    launch_here(open_study(sys.argv[2]), trainer="standins:slow_train")
"""
QSUB = '#!/bin/sh\nsetsid "$@" < /dev/null > /dev/null 2>> "$(dirname "$0")/errors" &\necho $!\n'
# tells of its beginning, and of another program at work in its folder
PROGRAM = """#!/bin/sh
marks=$(dirname "$0")/marks
last=$(cat "$DSX_FOLDER/at-work" 2>/dev/null)
if [ -n "$last" ] && [ -e "/proc/$last/stat" ] && ! grep -q ') Z ' "/proc/$last/stat"; then
    touch "$marks/$DSX_MODEL.overlap"
fi
echo $$ > "$DSX_FOLDER/at-work"
i=0
while [ $i -lt 10 ]; do sleep 0.05; i=$((i + 1)); done
rm -f "$DSX_FOLDER/at-work"
touch "$marks/$DSX_MODEL.end"
echo "{\\"error\\": $((DSX_SEED % 50))}"
"""


def local_launches(kills: int, folder: Path, seed: int = 1) -> Tally:
    """So many SIGKILLs to launches with two workers: to the launch, or to one of its processes."""
    tally, dice = Tally("SIGKILL of a launch here, or of its worker"), random.Random(seed)
    number = 0
    while tally.trials < kills:
        number += 1
        study = make_study(folder / f"local{number}", n=24, seed=number)
        (study.path / "go.py").write_text(LAUNCH)
        with (study.path / "errors").open("wb") as errors:
            while tally.trials < kills and study.counts()["done"] < 24:
                launch = _launch(study, errors)
                time.sleep(dice.uniform(0.0, 6.0))
                victims = [launch.pid, *_children(launch.pid)]
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(victims) if dice.random() < 0.5 else launch.pid, signal.SIGKILL)
                    tally.trials += 1
                if launch.poll() is None and dice.random() < 0.5:
                    launch.kill()
                tally.hangs += not _ended(launch)
            final = _launch(study, errors, "all")
            tally.hangs += not _ended(final)
        expected = {run.run_id: expected_error(run.model_id, run.seed) for run in study.runs()}
        _count(tally, study, expected, Counter(trainings(study)))
        tally.tracebacks += (study.path / "errors").read_text(errors="replace").count("Traceback")
    return tally


def foreign_workers(kills: int, folder: Path, seed: int = 2, at_once: int = 16) -> Tally:
    """So many SIGKILLs to workers that a stand-in for a scheduler's qsub starts, sixteen at a time."""
    tally, dice = Tally("SIGKILL of one of 16 workers of a foreign scheduler"), random.Random(seed)
    number = 0
    while tally.trials < kills:
        number += 1
        place = folder / f"foreign{number}"
        (place / "marks").mkdir(parents=True)
        for name, text in (("train.sh", PROGRAM), ("qsub", QSUB)):
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        study = make_study(place / "study", n=96, seed=number, recipe=False)
        study.set_recipe(read_recipe({"name": "shell", "command": ["sh", str(place / "train.sh")]}))
        workers = [_submit(place, study) for _ in range(at_once)]
        while tally.trials < kills and study.counts()["done"] < 90:
            time.sleep(dice.uniform(0.05, 0.8))
            at = dice.randrange(at_once)
            with contextlib.suppress(ProcessLookupError):
                os.kill(workers[at], signal.SIGKILL)
                tally.trials += 1
            workers[at] = _submit(place, study)
        deadline = time.monotonic() + _PATIENCE_S
        while study.counts()["done"] < 96 and time.monotonic() < deadline:
            if not any(map(_is_there, workers)):
                workers = [_submit(place, study)]
            time.sleep(0.5)
        tally.hangs += time.monotonic() >= deadline
        _count(tally, study, {run.run_id: float(run.seed % 50) for run in study.runs()}, Counter())
        tally.twice += len(list((place / "marks").glob("*.overlap")))
        tally.tracebacks += (place / "errors").read_text(errors="replace").count("Traceback")
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    return tally


def _count(tally: Tally, study: Study, expected: dict[str, float], trained: Counter[str]) -> None:
    table = open_study(study.path).results().set_index("run_id")
    tally.models += len(table)
    tally.lost += int((table["state"] != "done").sum())
    tally.twice += sum(count > 1 for count in trained.values())
    done = table[table["state"] == "done"]["error"]
    tally.differing += sum(error != expected[run_id] for run_id, error in done.items())
    tally.remarks += [f"{study.path.name}: {f.kind}: {f.message}" for f in study.failures()[:3]]


def _launch(study: Study, errors: object, retry: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, str(study.path / "go.py"), str(HERE.parent / "launch"), str(study.path)]
    if retry:
        command = [sys.executable, "-m", "dsx", "launch", str(study.path), "--workers", "2", "--retry", retry]
        script = LAUNCH.replace('trainer="standins:slow_train"', 'trainer="standins:slow_train", retry=("all",)')
        (study.path / "finish.py").write_text(script)
        command = [sys.executable, str(study.path / "finish.py"), str(HERE.parent / "launch"), str(study.path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)  # type: ignore[call-overload]


def _submit(place: Path, study: Study) -> int:
    command = [str(place / "qsub"), sys.executable, "-m", "dsx", "worker", str(study.path), "--device", "cpu"]
    command += ["--retry", "killed"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return False
    return True


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [below for child in map(int, text.split()) for below in (child, *_children(child))]


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

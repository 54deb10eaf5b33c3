"""SIGKILL at random moments: to launches and their workers on this machine, and to workers of a foreign scheduler."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

from scheduler import Scheduler
from tally import Tally

from dsx.recipes.recipe import read_recipe
from dsx.study.claims import is_running, process_start
from dsx.study.study import Study, open_study

from standins import expected_error, make_study, starts, trainings

HERE = Path(__file__).resolve().parent
_PATIENCE_S = 300.0
_MARK = "DSX_CHAOS_PLACE"
_Process = tuple[int, str]  # id, and when it started
LAUNCH = """
import sys
sys.path.insert(0, sys.argv[1])
from standins import launch_here
from dsx.study.study import open_study
if __name__ == "__main__":
    launch_here(open_study(sys.argv[2]), trainer="standins:slow_train", retry=sys.argv[3:])
"""
# takes 2 to 5 s; tells of its end, and of another program at work in its folder
PROGRAM = """#!/bin/sh
marks=$(dirname "$0")/marks
last=$(cat "$DSX_FOLDER/at-work" 2>/dev/null)
if [ -n "$last" ] && tr '\\0' '\\n' < "/proc/$last/environ" 2>/dev/null | grep -qx "DSX_FOLDER=$DSX_FOLDER"; then
    touch "$marks/$DSX_MODEL.overlap"
fi
echo $$ > "$DSX_FOLDER/at-work"
sleep $((2 + DSX_SEED % 4))
rm -f "$DSX_FOLDER/at-work"
touch "$marks/$DSX_MODEL.end"
echo "{\\"error\\": $((DSX_SEED % 50))}"
"""


def local_launches(kills: int, folder: Path, first: int = 0, models: int = 24) -> Iterator[Tally]:
    """So many SIGKILLs to launches with two workers: to the launch, or to one of its processes. A tally a study.

    Half of them come while it starts or trains, half within a second and a half after it has begun to train.
    """
    while kills > 0:
        first += 1
        tally, dice = Tally("SIGKILL of a launch here, or of its worker"), random.Random(first)
        study = make_study(folder / f"local{first}", n=models, seed=first)
        (study.path / "go.py").write_text(LAUNCH)
        with (study.path / "errors").open("wb") as errors:
            while tally.trials < kills and _is_there_more(study):
                launch = _launch(study, errors)
                _wait_for_the_moment(study, launch, dice)
                victims = [launch.pid, *_children(launch.pid)]
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(victims) if dice.random() < 0.5 else launch.pid, signal.SIGKILL)
                    tally.trials += 1
                if launch.poll() is None and dice.random() < 0.5:
                    launch.kill()
                tally.hangs += not _ended(launch)
            final = _launch(study, errors, "all")
            tally.hangs += not _ended(final)
        tally.hangs += not all_ended(study.path)
        expected = {run.run_id: expected_error(run.model_id, run.seed) for run in study.runs()}
        _count(tally, study, expected, Counter(trainings(study)))
        tally.tracebacks += tracebacks((study.path / "errors").read_text(errors="replace"))
        kills -= tally.trials
        yield tally
        if tally.clean:
            shutil.rmtree(study.path)


def _is_there_more(study: Study) -> bool:
    """Whether a launch has something to train; models that were killed are left to the last one."""
    return any(study.counts()[state] for state in ("pending", "running"))


def _wait_for_the_moment(study: Study, launch: subprocess.Popen[bytes], dice: random.Random) -> None:
    """A random one of the launch's first four seconds, or shortly after it has begun a model."""
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0.0, 4.0))
        return
    before = len(starts(study))
    while launch.poll() is None and len(starts(study)) == before:
        time.sleep(0.05)
    time.sleep(dice.uniform(0.0, 1.5))


def foreign_workers(
    kills: int, folder: Path, first: int = 0, models: int = 250, seconds: float = float("inf"), at_once: int = 16
) -> Iterator[Tally]:
    """So many SIGKILLs to workers that a stand-in for a scheduler starts, sixteen at a time. A tally a study.

    seconds: after which no further study is begun, nor any worker killed.
    """
    deadline = time.monotonic() + seconds
    while kills > 0 and time.monotonic() < deadline:
        first += 1
        tally, dice = Tally(f"SIGKILL of one of {at_once} workers of a foreign scheduler"), random.Random(first)
        place = folder / f"foreign{first}"
        (place / "marks").mkdir(parents=True)
        (place / "train.sh").write_text(PROGRAM)
        study = make_study(place / "study", n=models, seed=first, recipe=False)
        study.set_recipe(read_recipe({"name": "shell", "command": ["sh", str(place / "train.sh")]}))
        scheduler = Scheduler(place / "errors", marked(place))
        submit = partial(_submit, scheduler, ["worker", str(study.path), "--device", "cpu", "--retry", "killed"])
        workers = [submit() for _ in range(at_once)]
        while (
            tally.trials < kills
            and time.monotonic() < deadline
            and study.counts()["done"] < models - at_once
            and _is_there_more(study)
        ):
            time.sleep(dice.uniform(0.1, 1.5))
            at = dice.randrange(at_once)
            tally.trials += _signal(workers[at], signal.SIGKILL)
            workers[at] = submit()
        _let_them_finish(tally, study, workers, submit)
        scheduler.close()
        tally.hangs += not all_ended(place)
        _count(tally, study, {run.run_id: float(run.seed % 50) for run in study.runs()}, Counter())
        tally.twice += len(list((place / "marks").glob("*.overlap")))
        tally.tracebacks += tracebacks((place / "errors").read_text(errors="replace"))
        kills -= tally.trials
        yield tally
        if tally.clean:
            shutil.rmtree(place)


def _submit(scheduler: Scheduler, words: list[str]) -> _Process:
    pid = scheduler.submit(words)
    return pid, process_start(pid) or "gone"


def _signal(process: _Process, number: signal.Signals) -> bool:
    """Whether that process, and no later one of its number, was there to get it."""
    if not is_running(*process):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process[0], number)
        return True
    return False


def _let_them_finish(tally: Tally, study: Study, workers: list[_Process], submit: Callable[[], _Process]) -> None:
    """Until nothing is left, with another worker where all have ended; then they are told to end."""
    models = len(study.runs())
    last, since = -1, time.monotonic()
    while (done := study.counts()["done"]) < models and time.monotonic() < since + _PATIENCE_S:
        if done > last:
            last, since = done, time.monotonic()
        if not any(is_running(*worker) for worker in workers):
            workers.append(submit())
        time.sleep(0.5)
    tally.hangs += done < models
    for worker in workers:
        _signal(worker, signal.SIGTERM)


def tracebacks(said: str) -> int:
    """How many there are, but for those of python's resource tracker, which loses count when it is killed itself."""
    blocks = re.split(r"^Traceback.*\n", said, flags=re.MULTILINE)[1:]
    return sum(re.findall(r'^  File "(.*?)"', block, re.MULTILINE) != [resource_tracker.__file__] for block in blocks)


def _count(tally: Tally, study: Study, expected: dict[str, float], trained: Counter[str]) -> None:
    table = open_study(study.path).results().set_index("run_id")
    tally.models += len(table)
    tally.lost += int((table["state"] != "done").sum())
    tally.twice += sum(count > 1 for count in trained.values())
    done = table[table["state"] == "done"]["error"]
    tally.differing += sum(error != expected[run_id] for run_id, error in done.items())
    tally.remarks += [f"{study.path.name}: {f.kind}: {f.message}" for f in study.failures()[:3]]


def _launch(study: Study, errors: object, *retry: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(study.path / "go.py"), str(HERE.parent / "launch"), str(study.path), *retry]
    return subprocess.Popen(  # type: ignore[call-overload]
        command, stdout=subprocess.DEVNULL, stderr=errors, env=marked(study.path)
    )


def marked(place: Path) -> dict[str, str]:
    """The environment of what is started for a place: all that it starts in turn, orphans included, is known by it."""
    return os.environ | {_MARK: str(place)}


def all_ended(place: Path, patience_s: float = _PATIENCE_S) -> bool:
    """Wait until no process is left that was started for a place; one that outlives the patience is killed, and told.

    What a SIGKILL has orphaned ends by itself, and may write into the place until then.
    """
    deadline = time.monotonic() + patience_s
    while (left := _started_for(place)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left


def _started_for(place: Path) -> list[int]:
    mark, pids = f"{_MARK}={place}".encode(), []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                pids.append(int(entry.name))
    return pids


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

"""Faults of a four-node SLURM while it trains: nodes, steps, requeues, signals, cancels, daemons, disk, clocks."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cluster import NODES, Cluster, missing
from tally import Tally

from dsx.base.errors import DsxError
from dsx.study.study import Study, open_study

from standins import expected_error, make_study, slurm_profile, submit_there, trainings

_FOLDER = Path("/tmp/dsx-chaos-slurm")
_DISK_MB = 24
_MODELS, _PER_JOB = 192, 48
_PATIENCE_S = 300.0
_CLOCKS_S = (-86_400, -3_600, -90, 90, 3_600, 86_400)


def _running(cluster: Cluster) -> list[str]:
    return cluster.client("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%i").split()


def requeue_jobs(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """Two of them."""
    for job in dice.sample(_running(cluster), 2):
        cluster.client("scontrol", "requeue", job, check=False)


def preempt_jobs(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """SIGUSR1 to two of them, as before a preemption or the end of their time."""
    for job in dice.sample(_running(cluster), 2):
        cluster.client("scancel", "--signal=USR1", job, check=False)


def cancel_jobs(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """Two of them."""
    cluster.client("scancel", *dice.sample(_running(cluster), 2), check=False)


def kill_a_node(cluster: Cluster, _disk: Path, _dice: random.Random) -> None:
    """With all that runs there, as when it loses power; later it is back."""
    node = cluster.client("squeue", "-h", "-t", "RUNNING", "-o", "%N").split()[0]
    cluster.kill_node(node)
    _wait(lambda: "down" in cluster.client("sinfo", "-h", "-N", "-n", node, "-o", "%T"), cluster)
    cluster.start_node(node)


def kill_a_step(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """SIGKILL to the daemon of a job's step, which leaves its program an orphan at work."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(cluster.steps()), signal.SIGKILL)


def kill_a_task(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """SIGKILL to the program of a job."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(cluster.programs()), signal.SIGKILL)


def kill_the_controller(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """It is started again seconds later, and the nodes, which may remember jobs that it does not."""
    cluster.kill("slurmctld")
    time.sleep(dice.uniform(0, 3))
    cluster.start_slurmctld()
    cluster.restart_nodes()


def stop_the_database(cluster: Cluster, _disk: Path, dice: random.Random) -> None:
    """For seconds."""
    cluster.kill("slurmdbd")
    time.sleep(dice.uniform(1, 5))
    cluster.start_slurmdbd()


def fill_the_disk(_cluster: Cluster, disk: Path, dice: random.Random) -> None:
    """No space for seconds in the file system of the study, under all of its jobs."""
    ballast = disk / "ballast"
    try:
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        time.sleep(dice.uniform(2, 6))
    finally:
        ballast.unlink()


def set_clocks_apart(cluster: Cluster, disk: Path, dice: random.Random) -> None:
    """What starts from now on has the clock of its node: two of them are wrong, up to a day, and some of it starts."""
    cluster.set_clocks_right()
    for node, seconds in zip(dice.sample(NODES, 2), dice.sample(_CLOCKS_S, 2), strict=True):
        cluster.set_clock(node, seconds)
    requeue_jobs(cluster, disk, dice)


Fault = Callable[[Cluster, Path, random.Random], None]
FAULTS: list[Fault] = [
    *(requeue_jobs, preempt_jobs, cancel_jobs, kill_a_node, kill_a_step),
    *(kill_a_task, kill_the_controller, stop_the_database, fill_the_disk, set_clocks_apart),
]


def slurm_faults(faults: int, folder: Path, done: int = 0, first: int = 0) -> Iterator[Tally]:
    """So many faults, every kind in turn, several for each study of 192 models. A tally a study.

    The cluster, one of its own, is started and stopped here. done: how many faults there have been already.
    """
    reason = missing()
    if reason or faults <= 0:
        if reason:
            yield Tally("fault of a four-node SLURM", remarks=[f"SLURM: not run: {reason}"])
        return
    cluster = Cluster(_FOLDER, first_port=26817)  # beside the one of `make slurm-up`
    os.environ["SLURM_CONF"] = str(cluster.conf)
    cluster.up()
    try:
        while faults > 0:
            first += 1
            with _disk(folder / f"slurm{first}") as disk:
                study = make_study(disk / "a", n=_MODELS, seed=first)
                tally = _one(study, cluster, disk, range(done, done + faults))
            done, faults = done + tally.trials, faults - tally.trials
            yield tally
    finally:
        cluster.down()


def _one(study: Study, cluster: Cluster, disk: Path, numbers: range) -> Tally:
    """Faults while a study trains, until it is done or they are."""
    tally, dice = Tally("fault of a four-node SLURM", models=_MODELS), random.Random(numbers.start)
    name = ""
    try:
        for number in numbers:
            if not _at_work(study, cluster, tally):
                break
            time.sleep(dice.uniform(0, 3))
            name = FAULTS[number % len(FAULTS)].__name__
            if len(_running(cluster)) < 2:
                break
            tally.trials += 1
            FAULTS[number % len(FAULTS)](cluster, disk, dice)
        cluster.set_clocks_right()
        name += ", then left alone"
        _wait(lambda: not _at_work(study, cluster, tally), cluster, 2 * _PATIENCE_S)
    except (AssertionError, DsxError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        tally.hangs += 1
        tally.remarks.append(f"{tally.part}, {disk.name}, {name}: {type(error).__name__}: {str(error)[:500]}")
        cluster.set_clocks_right()
    _count(tally, study)
    _settle(cluster)
    return tally


def _at_work(study: Study, cluster: Cluster, tally: Tally) -> bool:
    """Launch again and again, as a user would, until two models are being trained; false once all have been."""
    since = time.monotonic()
    while (counts := study.counts())["done"] < _MODELS and counts["running"] < 2:
        assert time.monotonic() < since + _PATIENCE_S, (counts, _state(cluster))
        try:
            submit_there(study, slurm_profile(models_per_job=_PER_JOB), trainer="standins:second_train")
        except DsxError as error:  # a launch that is refused in a line while the fault lasts
            tally.remarks.append(f"{tally.part}: refused, then launched again: {error}")
        cluster.hurry()
        time.sleep(1)
        if counts["done"] + counts["running"] == _MODELS:
            break
    return bool(counts["done"] < _MODELS)


def _count(tally: Tally, study: Study) -> None:
    table = open_study(study.path).results()
    expected = [expected_error(run.model_id, run.seed) for run in study.runs()]
    finished = trainings(study)
    tally.lost += int((table["state"] != "done").sum())
    tally.twice += len(finished) - len(set(finished))
    pairs = zip(table["error"], expected, strict=True)
    tally.differing += sum(error == error and error != right for error, right in pairs)
    logs = (log.read_text(errors="replace") for log in study.path.rglob("*_log.err"))
    told = [said[said.index("Traceback") :].splitlines() for said in logs if "Traceback" in said]
    # a disk that is full under submitit's own files, or ours when they say so, is no fault
    faults = [lines for lines in told if not any("No space left" in line for line in lines)]
    tally.tracebacks += len(faults)
    tally.remarks += [f"{tally.part}: traceback: {' / '.join(lines[-3:])[:400]}" for lines in faults[:3]]
    tally.remarks += [f"{tally.part}: {f.kind}: {f.message}" for f in study.failures()[:3]]


def _settle(cluster: Cluster) -> None:
    """No jobs, all nodes up."""
    cluster.client("scancel", "--user=root", check=False)
    deadline = time.monotonic() + 60
    while cluster.client("squeue", "-h", check=False).strip() and time.monotonic() < deadline:
        time.sleep(0.3)
    states = cluster.client("sinfo", "-h", "-N", "-o", "%T", check=False)
    if "drain" in states or "down" in states:
        cluster.restart_nodes()
    cluster.wait_for_nodes(seconds=_PATIENCE_S)


def _wait(condition: Callable[[], bool], cluster: Cluster, seconds: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain\n{_state(cluster)}"
        time.sleep(0.5)


def _state(cluster: Cluster) -> str:
    queue = cluster.client("squeue", "-r", check=False)
    return queue + cluster.client("sinfo", "-N", "-o", "%N %T %E", check=False)


@contextlib.contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small file system of its own."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(place)], timeout=20, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], timeout=20, check=False)
        shutil.rmtree(place, ignore_errors=True)

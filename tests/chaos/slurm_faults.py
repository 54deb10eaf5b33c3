"""Faults of a four-node SLURM while it trains: nodes, steps, requeues, signals, cancels, daemons, disk, clocks."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import test_cluster as cluster_tests
from cluster import FAKETIME, NODES, Cluster, missing
from tally import Tally

from dsx.base.errors import DsxError
from dsx.base.files import RecordError
from dsx.study.study import Study, open_study

from standins import expected_error, make_study, slurm_profile, trainings

_FOLDER = Path("/tmp/dsx-chaos-slurm")
_DISK_MB = 24
_CLOCKS_S = (-86_400, -3_600, -90, 90, 3_600, 86_400)


def kill_a_step(_study: Study, cluster: Cluster) -> None:
    """SIGKILL to the daemon of a job's step, which leaves its program an orphan at work."""
    os.kill(cluster.steps()[-1], signal.SIGKILL)


def kill_a_task(_study: Study, cluster: Cluster) -> None:
    """SIGKILL to the program of a job."""
    for pid in cluster.programs()[:1]:
        os.kill(pid, signal.SIGKILL)


def fill_the_disk(study: Study, _cluster: Cluster) -> None:
    """No space for some seconds in the file system of the study, under all of its jobs."""
    ballast = study.path.parent / "ballast"
    try:
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        time.sleep(6)
        with contextlib.suppress(RecordError):
            cluster_tests.submit_there(study, slurm_profile(models_per_job=4))
    finally:
        ballast.unlink()


def set_clocks_apart(study: Study, cluster: Cluster) -> None:
    """What starts from now on has a clock of its node: two of them are wrong, up to a day, and some of it starts."""
    for node, seconds in zip(random.sample(NODES, 2), random.sample(_CLOCKS_S, 2), strict=True):
        cluster.set_clock(node, seconds)
    cluster_tests.requeue_a_task(study, cluster)


FAULTS = [*cluster_tests.FAULTS, kill_a_step, kill_a_task, fill_the_disk, set_clocks_apart]


def slurm_faults(faults: int, folder: Path, first: int = 0) -> Iterator[Tally]:
    """So many faults, one for each study of 16 models, every kind in turn; the cluster is started and stopped here."""
    reason = missing() or ("" if FAKETIME.exists() else "needs libfaketime (apt-get install libfaketime)")
    if reason or faults <= 0:
        if reason:
            yield Tally("fault of a four-node SLURM", remarks=[f"SLURM: not run: {reason}"])
        return
    cluster = Cluster(_FOLDER, first_port=26817)  # beside the one of `make slurm-up`
    cluster.up()
    os.environ["SLURM_CONF"] = str(cluster.conf)
    try:
        for number in range(first, first + faults):
            fault = FAULTS[number % len(FAULTS)]
            with _disk(folder / f"slurm{number}") as disk:
                yield _one(fault, make_study(disk / "a", n=16, seed=number), cluster)
    finally:
        cluster.down()


def _one(fault: object, study: Study, cluster: Cluster) -> Tally:
    name = fault.__name__  # type: ignore[attr-defined]
    tally = Tally(f"SLURM: {name.replace('_', ' ')}", trials=1, models=16)
    profile = slurm_profile(models_per_job=4)
    try:
        cluster_tests.begin(study, profile)
        fault(study, cluster)  # type: ignore[operator]
        _finish(study, cluster, tally)
    except AssertionError as error:
        tally.hangs += 1
        tally.remarks.append(f"{tally.part}, study {study.path.parent.name}: {str(error)[:600]}")
    except (DsxError, RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as error:
        tally.remarks.append(f"{tally.part}, study {study.path.parent.name}: {type(error).__name__}: {error}")
        tally.hangs += 1
    finally:
        if fault is cluster_tests.stop_accounting:
            cluster.start_slurmdbd()
        cluster.set_clocks_right()
        _settle(cluster, restart=fault is cluster_tests.restart_the_controller)
    table = open_study(study.path).results()
    expected = [expected_error(run.model_id, run.seed) for run in study.runs()]
    finished = trainings(study)
    tally.lost += int((table["state"] != "done").sum())
    tally.twice += len(finished) - len(set(finished))
    pairs = zip(table["error"], expected, strict=True)
    tally.differing += sum(error == error and error != right for error, right in pairs)
    tally.tracebacks += sum("Traceback" in log.read_text(errors="replace") for log in study.path.rglob("*_log.err"))
    tally.remarks += [f"{tally.part}: {f.kind}: {f.message}" for f in study.failures()[:3]]
    return tally


def _finish(study: Study, cluster: Cluster, tally: Tally, seconds: float = 240) -> None:
    """Launch again and again, as a user would, until all is done."""
    deadline = time.monotonic() + seconds
    while study.counts()["done"] < 16:
        assert time.monotonic() < deadline, (study.counts(), cluster_tests.the_cluster())
        try:
            cluster_tests.submit_there(study, slurm_profile(models_per_job=4))
        except DsxError as error:  # a launch that is refused in a line while the fault lasts
            tally.remarks.append(f"{tally.part}: refused, then launched again: {error}")
        cluster_tests.hurry(cluster)
        time.sleep(1)


def _settle(cluster: Cluster, restart: bool) -> None:
    """No jobs, all nodes up."""
    if restart:
        cluster.restart_nodes()
    cluster.client("scancel", "--user=root", check=False)
    deadline = time.monotonic() + 60
    while cluster.client("squeue", "-h", check=False).strip() and time.monotonic() < deadline:
        time.sleep(0.3)
    if "drain" in cluster.client("sinfo", "-h", "-N", "-o", "%T"):
        cluster.restart_nodes()
    cluster.wait_for_nodes()


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

"""SLURM's own commands: argument lists, a limit in time on each, and its words when it refuses."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dsx.base.errors import DsxError

TIMEOUT_S = 30.0
# variables of a job that a job submitted from inside it must not inherit; the client's own configuration stays
_JOB_PREFIXES = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_", "SUBMITIT_")
_KEPT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")
_RANKS = ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
_AT_ONCE = 500  # names or ids in one command line
# what SLURM says where no cluster is configured or its controller is away
_UNREACHABLE = ("configuration source", "unable to contact slurm controller", "unable to open slurm config")
_NO_CLUSTER = " (no cluster answers here: go to its login node, set SLURM_CONF, or wait; `dsx doctor --on slurm` looks)"


class SlurmError(DsxError):
    """SLURM refused, did not answer, or is not installed."""


def installed() -> bool:
    """Whether this machine has SLURM's commands."""
    return shutil.which("scontrol") is not None


@dataclass(frozen=True)
class ClusterLimits:
    """max_array: tasks of one array. free_submits: jobs that this user may still submit; None if nothing says."""

    cluster: str
    max_array: int
    free_submits: int | None


@dataclass(frozen=True)
class QueueEntry:
    """One job or array task in the queue. task: index in its array, 0 for a job that is none."""

    name: str
    task: int
    job_id: str
    state: str
    reason: str


def run(*command: str, timeout_s: float = TIMEOUT_S) -> str:
    """Standard output of a SLURM command. Raises SlurmError with what it said."""
    if shutil.which(command[0]) is None:
        raise SlurmError(
            f"{command[0]}: not found; is this a machine of a SLURM cluster? `dsx doctor --on slurm` looks"
        )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise SlurmError(f"{command[0]}: no answer in {timeout_s:g} s{_NO_CLUSTER}") from None
    if done.returncode:
        said = words(done.stderr or done.stdout) or f"exit code {done.returncode}"
        unreachable = any(part in said.lower() for part in _UNREACHABLE)
        raise SlurmError(f"{command[0]}: {said}{_NO_CLUSTER if unreachable else ''}")
    return done.stdout


def words(text: str) -> str:
    """What SLURM said, in one line, without the command's name before each part."""
    lines = [re.sub(r"^\s*\w+: (error: )?", "", line).strip() for line in text.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))


def limits() -> ClusterLimits:
    """Limits of cluster and user. Raises SlurmError if the controller does not answer."""
    config: dict[str, str] = {}
    for line in run("scontrol", "show", "config").splitlines():
        key, separator, value = line.partition("=")
        if separator:
            config[key.strip()] = value.strip()
    free = _max_submit()
    if free is not None:
        free = max(0, free - len(run("squeue", "-h", "-r", "-u", getpass.getuser(), "-o", "%i").split()))
    return ClusterLimits(config.get("ClusterName", ""), int(config.get("MaxArraySize", "1001")) - 1, free)


def _max_submit() -> int | None:
    """The lowest number of submitted jobs that accounting allows this user; None without accounting or limit."""
    columns = "format=MaxSubmitJobs,GrpSubmitJobs"
    try:
        text = run("sacctmgr", "-n", "-P", "show", "assoc", "where", f"user={getpass.getuser()}", columns, timeout_s=10)
    except SlurmError:
        return None
    numbers = [int(field) for line in text.splitlines() for field in line.split("|") if field.isdigit()]
    return min(numbers) if numbers else None


def queue(names: Sequence[str]) -> dict[tuple[str, int], QueueEntry]:
    """(job name, task) → entry, of all jobs of these names that are queued or running. Raises SlurmError."""
    entries = {}
    for part in chunks(names, _AT_ONCE):
        text = run("squeue", "-h", "-r", f"--name={','.join(part)}", "-o", "%j|%K|%i|%T|%r")
        for line in text.splitlines():
            name, task, job_id, state, reason = line.split("|", 4)
            entry = QueueEntry(name, int(task) if task.isdigit() else 0, job_id, state, reason)
            entries[name, entry.task] = entry
    return entries


def chunks(names: Sequence[str], size: int) -> list[list[str]]:
    """Consecutive groups of at most `size`."""
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def live_jobs(job_ids: Collection[str]) -> set[str] | None:
    """Which of these raw job ids are queued or running; None if SLURM does not say."""
    live: set[str] = set()
    try:
        for part in chunks(sorted(job_ids), _AT_ONCE):
            live |= set(run("squeue", "-h", "-r", "-j", ",".join(part), "-o", "%A").split())
    except SlurmError as error:
        if "Invalid job id" in str(error):  # none of them is known any more
            return live
        return None
    return live


def accounting(job_ids: Sequence[str]) -> dict[str, str] | None:
    """Job or array-task id → last state in accounting; None without accounting."""
    states: dict[str, str] = {}
    try:
        for part in chunks(job_ids, _AT_ONCE):
            text = run("sacct", "-n", "-X", "-P", "-j", ",".join(part), "-o", "JobID,State")
            states |= {
                line.split("|")[0]: line.split("|")[1].split(" ")[0] for line in text.splitlines() if "|" in line
            }
    except SlurmError:
        return None
    return states


def cancel(names: Sequence[str]) -> None:
    """Cancel all jobs of these names. Raises SlurmError."""
    for name in names:
        run("scancel", f"--name={name}", f"--user={getpass.getuser()}")


def requeue(job_id: str) -> None:
    """Put a running job back into the queue. Raises SlurmError."""
    run("scontrol", "requeue", job_id)


@contextmanager
def outside_of_jobs() -> Iterator[None]:
    """Hide the variables of a job that this process runs in: what it submits is no part of it."""
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if (name.startswith(_JOB_PREFIXES) and name not in _KEPT) or name in _RANKS
    }
    try:
        yield
    finally:
        os.environ.update(hidden)

"""What was submitted for a study: one record per array, written before sbatch is asked.

A launch that dies between the two leaves a record without jobs, or jobs that are found by their name.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.launch.slurm import client
from dsx.launch.slurm.client import QueueEntry
from dsx.study.paths import StudyPaths

# a record younger than this may belong to jobs that the queue does not show yet
_YOUNG_S = 60.0


@dataclass(frozen=True)
class Submission:
    """One array of jobs."""

    name: str
    launch: str  # shared by all arrays of one command
    time: float
    tasks: list[list[str]]  # the run ids of each
    profile: dict[str, Any]  # what was asked for
    code: str  # folder of the frozen dsx
    retry: list[str]
    trainer: str | None = None
    max_failures: int | None = None


def new_launch() -> str:
    """A name that sorts by time and is given once."""
    return time.strftime("%y%m%d-%H%M%S-") + secrets.token_hex(2)


def job_name(study_name: str, launch: str, number: int) -> str:
    """The name of an array in SLURM's queue."""
    return f"dsx-{re.sub(r'[^A-Za-z0-9_.-]', '_', study_name)[:40]}-{launch}-{number}"


class Submissions:
    """The submissions of one study, in `jobs/submissions/`."""

    def __init__(self, paths: StudyPaths) -> None:
        self.folder = paths.jobs / "submissions"
        self._jobs = paths.jobs

    def path(self, name: str) -> Path:
        """The record of one array."""
        return self.folder / f"{name}.json"

    def logs(self, name: str) -> Path:
        """Where submitit keeps scripts and logs of one array."""
        return self._jobs / "slurm" / name

    def write(self, submission: Submission) -> None:
        """Record an array that is about to be submitted."""
        files.write_json(self.path(submission.name), asdict(submission))

    def read(self, name: str) -> Submission | None:
        """One record, or None."""
        data, _ = files.load_json(self.path(name))
        try:
            return Submission(**data) if data else None
        except TypeError:
            return None

    def withdraw(self, name: str) -> None:
        """Remove the record of an array that SLURM refused."""
        self.path(name).unlink(missing_ok=True)

    def accepted(self, name: str, job_id: str) -> None:
        """Note the job id that SLURM gave."""
        files.write_json(self.folder / f"{name}.job", {"job_id": job_id, "time": time.time()})

    def job_id(self, name: str) -> str | None:
        """The job id of an array, if it is known."""
        data, _ = files.load_json(self.folder / f"{name}.job")
        return str(data["job_id"]) if data and "job_id" in data else None

    def close(self, name: str) -> None:
        """Note that nothing of an array is left in the queue, so that it is not asked about again."""
        with contextlib.suppress(files.RecordError):
            files.write_json(self.folder / f"{name}.closed", {"time": time.time()})

    def names(self, *, open_only: bool = True) -> list[str]:
        """Names of the arrays, oldest first; only those that may have jobs left, unless all are asked for."""
        try:
            present = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        names = [name.removesuffix(".json") for name in present if name.endswith(".json")]
        return sorted(name for name in names if not open_only or f"{name}.closed" not in present)

    def last(self) -> Submission | None:
        """The latest array."""
        names = self.names(open_only=False)
        return max(filter(None, map(self.read, names[-8:])), key=lambda submission: submission.time, default=None)

    def leftover_path(self, launch: str) -> Path:
        """Runs of a launch for which no job could be had: its jobs take them when they are through with their own."""
        return self.folder / f"{launch}.leftover"

    def failed_folder(self, launch: str) -> Path:
        """One file per run that failed in a launch: what max_failures counts."""
        return self.folder / f"{launch}.failed"

    def queued(self) -> tuple[dict[tuple[str, int], QueueEntry], set[str]]:
        """What is in the queue, and the runs that these jobs are going to train. Raises SlurmError."""
        names = self.names()
        entries = client.queue(names) if names else {}
        covered: set[str] = set()
        alive = {name for name, _ in entries}
        for name in names:
            submission = self.read(name)
            if submission is None:
                continue
            if name not in alive:
                if time.time() - submission.time > _YOUNG_S:
                    self.close(name)
                continue
            for task, run_ids in enumerate(submission.tasks):
                if (name, task) in entries:
                    covered.update(run_ids)
        return entries, covered

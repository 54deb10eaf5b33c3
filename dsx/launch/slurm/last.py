"""A job that waits for all others of some studies and then runs one command of dsx: it analyses what they left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dsx.launch.slurm import snapshot
from dsx.launch.slurm.arrays import submit_recorded
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions, job_name, new_launch
from dsx.study.study import Study


class LastJob:
    """The callable that submitit pickles: a command's words after `dsx`, and the folder in which it is given."""

    def __init__(self, words: Sequence[str], folder: str) -> None:
        self.words, self.folder = list(words), folder

    def __call__(self) -> int:
        """Run it with the dsx that runs here; its exit code, after its output."""
        return subprocess.run([sys.executable, "-m", "dsx", *self.words], cwd=self.folder, check=True).returncode


def submit_last(studies: Sequence[Study], profile: Profile, words: Sequence[str]) -> str:
    """Submit `dsx WORDS` to run here when every queued job of these studies has ended; its job id.

    It is known to the first study, whose `dsx status` and `dsx cancel` count it. Raises SlurmError if SLURM refuses.
    """
    before = [
        job_id
        for study in studies
        for name in Submissions(study.paths).names()
        if (job_id := Submissions(study.paths).job_id(name)) is not None
    ]
    first = studies[0]
    submissions, launch = Submissions(first.paths), new_launch()
    name = job_name(f"{first.name}-last", launch, 0)
    code = snapshot.freeze(first)
    alone = profile.model_copy(update={"gpus_per_model": 0, "models_per_gpu": 1, "nodes": 1, "gres": None})
    submission = Submission(name, launch, time.time(), [[]], alone.to_dict(), str(code), [])
    parameters = alone.parameters(name, 1, 1, code)
    if before:
        parameters["dependency"] = "afterany:" + ":".join(before)
    last = LastJob(words, str(Path.cwd()))
    return submit_recorded(submissions, submission, [last], parameters, alone.command(code))

"""The arrays that the jobs of one study are submitted in: as few as hold them, and no job in the queue is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsx.base import files
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm import client, job_ids, submitit_private
from dsx.launch.slurm.client import ClusterLimits, SlurmError
from dsx.launch.slurm.job_ids import UnknownJobError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions, job_name, new_launch
from dsx.launch.slurm.task import ArrayTask
from dsx.study.study import Study

_SUBMIT_LIMIT_WORDS = (
    "submitjob",
    "submit limit",
    "maxjobcount",
    "max_job_count",
    "job/step limit",
    "submission limit",
)


@dataclass(frozen=True)
class Order:
    """What of one study is to be submitted: these runs, as jobs of that profile, within these limits."""

    study: Study
    profile: Profile
    options: LaunchOptions
    allowed: ClusterLimits
    run_ids: list[str]

    @property
    def tasks(self) -> list[list[str]]:
        """Run ids of each job."""
        return client.chunks(self.run_ids, self.profile.models_per_job * self.profile.models_per_gpu)


class Arrays:
    """The arrays of one launch of one study. code: folder of the frozen dsx."""

    def __init__(self, order: Order, code: Path) -> None:
        self._order, self._code = order, code
        self._launch = new_launch()
        self._submissions = Submissions(order.study.paths)

    def submit(self) -> tuple[list[str], int]:
        """All arrays; their job ids, and how many runs wait because of a submit limit."""
        waiting = list(self._order.tasks)
        free = self._order.allowed.free_submits
        most = self._order.allowed.max_array
        fit = len(waiting) if free is None else min(len(waiting), max(free, 1))
        self._leave(waiting[fit:])
        sizes = array_sizes(fit, most)
        shares = concurrency(len(sizes), self._order.profile.max_jobs)
        taken: list[str] = []
        while sizes:
            number, size = len(taken), sizes[0]
            after = taken[number - len(shares)] if number >= len(shares) else None
            try:
                taken.append(self._submit_array(number, waiting[:size], shares[number % len(shares)], after))
            except SlurmError as error:
                at_limit = any(word in str(error).lower() for word in _SUBMIT_LIMIT_WORDS)
                if not at_limit or (size == 1 and not taken):
                    raise
                self._leave(waiting)
                if size == 1:
                    break
                most = max(1, size // 2)
                sizes = array_sizes(sum(sizes), most)
                continue
            waiting, sizes = waiting[size:], sizes[1:]
        return taken, sum(map(len, waiting))

    def _leave(self, waiting: list[list[str]]) -> None:
        """Leave these runs to the jobs that are taken, before they are: a short one may be through before we are.

        What is submitted after all is trained by whoever comes first.
        """
        if waiting:
            run_ids = [run_id for task in waiting for run_id in task]
            files.write_json(self._submissions.leftover_path(self._launch), {"run_ids": run_ids})

    def _submit_array(self, number: int, tasks: list[list[str]], share: int, after: str | None) -> str:
        name = job_name(self._order.study.name, self._launch, number)
        submission = Submission(
            name=name,
            launch=self._launch,
            time=time.time(),
            tasks=tasks,
            profile=self._order.profile.to_dict(),
            code=str(self._code),
            retry=list(self._order.options.retry),
            trainer=self._order.options.trainer,
            max_failures=self._order.options.max_failures,
        )
        tasks_of_array = [ArrayTask(str(self._order.study.path.resolve()), name, index) for index in range(len(tasks))]
        parameters = self._parameters(name, len(tasks), share, after)
        return submit_recorded(
            self._submissions, submission, tasks_of_array, parameters, self._order.profile.command(self._code)
        )

    def _parameters(self, name: str, tasks: int, share: int, after: str | None = None) -> dict[str, object]:
        parameters = self._order.profile.parameters(name, tasks, share, self._code)
        return parameters if after is None else {**parameters, "dependency": f"afterany:{after}"}

    def script(self) -> str:
        """The sbatch script of the first array."""
        sizes = array_sizes(len(self._order.tasks), self._order.allowed.max_array)
        share = concurrency(len(sizes), self._order.profile.max_jobs)[0]
        name = job_name(self._order.study.name, self._launch, 0)
        parameters = self._parameters(name, sizes[0], share)
        logs = self._submissions.logs(name).resolve()
        return submitit_private.script(parameters, logs, self._order.profile.command(self._code), sizes[0])


def submit_recorded(
    submissions: Submissions,
    submission: Submission,
    tasks: Sequence[Callable[[], object]],
    parameters: Mapping[str, object],
    python: str,
) -> str:
    """Submit one array, recorded before sbatch is asked, and note its job id, which comes back.

    tasks: what its jobs call. python: the shell command. Raises SlurmError with SLURM's words if it refuses, and
    RecordError if the folder cannot be written.
    """
    name = submission.name
    submissions.write(submission)
    try:
        with client.outside_of_jobs():
            job_id = submitit_private.submit_array(
                tasks, parameters, submissions.logs(name), python, lambda printed: job_ids.job_id(printed, name)
            )
    except UnknownJobError:
        raise  # the record stays: by its name, the job is found while it is in the queue
    except submitit_private.Refused as error:
        if "timed out" in str(error).lower():  # it may have been taken all the same
            _give_up(submissions, name)
        else:
            submissions.withdraw(name)
        raise SlurmError(f"sbatch: {_said(error)}") from None
    except OSError as error:
        _give_up(submissions, name)
        raise files.RecordError(files.unwritable(submissions.folder.parent, error)) from error
    except BaseException:
        _give_up(submissions, name)
        raise
    submissions.accepted(name, job_id)
    return job_id


def _give_up(submissions: Submissions, name: str) -> None:
    """Let nothing of an array that could not be submitted whole stay in the queue.

    Its record goes once that is sure; until then its jobs are found by their name.
    """
    try:
        client.cancel([name])
    except SlurmError:
        return
    submissions.withdraw(name)


def array_sizes(tasks: int, max_array: int) -> list[int]:
    """Sizes of as few arrays as hold so many tasks, as equal as can be."""
    arrays = -(-tasks // max_array)
    return [tasks // arrays + (number < tasks % arrays) for number in range(arrays)] if tasks else []


def concurrency(arrays: int, max_jobs: int) -> list[int]:
    """How many tasks of each array may run at once, together at most max_jobs.

    With more arrays than max_jobs, only so many shares come back, and later arrays wait for earlier ones.
    """
    groups = max(1, min(arrays, max_jobs))
    return [max_jobs // groups + (number < max_jobs % groups) for number in range(groups)]


def _said(error: BaseException) -> str:
    """SLURM's own words out of submitit's message."""
    lines = [line for line in str(error).splitlines() if "sbatch:" in line]
    return client.words("\n".join(lines)) or str(error).strip().splitlines()[-1][:300]

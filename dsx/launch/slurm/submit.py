"""Putting a study on the cluster: what is pending and not queued, in arrays that respect every limit, at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_studies, wanted
from dsx.launch.slurm import client, job_ids, snapshot, submitit_private
from dsx.launch.slurm.client import ClusterLimits, SlurmError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions, chunks, job_name, new_launch
from dsx.launch.slurm.task import ArrayTask
from dsx.study import claims
from dsx.study.claims import Holder
from dsx.study.paths import RunPaths
from dsx.study.results import Scan
from dsx.study.study import Study

# how long to wait for another launch of the same study that is submitting at this moment
_TURN_S = 300.0
_SUBMIT_LIMIT_WORDS = (
    "submitjob",
    "submit limit",
    "maxjobcount",
    "max_job_count",
    "job/step limit",
    "submission limit",
)


@dataclass(frozen=True)
class Submitted:
    """What became of one study. job_ids: one per array. jobs: in all. leftover: runs that the jobs take in the end.

    queued: runs that were in the queue already. running: trained at this moment. script: the first sbatch script.
    device_hours: of the runs submitted, from those finished before; None if there are none.
    """

    study: Path
    runs: int
    jobs: int = 0
    job_ids: list[str] = field(default_factory=list)
    leftover: int = 0
    queued: int = 0
    running: int = 0
    device_hours: float | None = None
    at_once: int = 0
    script: str = field(default="", repr=False)

    def sentence(self) -> str:
        """`500 models in 125 jobs, at most 64 at once, as jobs 17, 18`."""
        if not self.runs:
            return f"{self.study}: nothing to submit ({self.queued} queued, {self.running} running)"
        text = f"{self.study}: {self.runs} models in {self.jobs} jobs, at most {self.at_once} at once"
        if self.device_hours is not None:
            text += (
                f"; est. {self.device_hours:.3g} device-hours, {self.device_hours / max(self.at_once, 1):.3g} h wall"
            )
        if self.leftover:
            text += f"; {self.leftover} of them wait for a submit limit: the jobs take them when they are through"
        return text + (f"; as job {', '.join(self.job_ids)}" if self.job_ids else "")


def submit(studies: Sequence[Study], profile: Profile, options: LaunchOptions) -> list[Submitted]:
    """Submit what is pending (or failed and to be retried) and not queued; returns as soon as SLURM has it.

    Raises SlurmError with SLURM's words if it refuses, and DsxError for studies without a recipe and unknown words of
    `retry`.
    """
    check_studies(studies, options)
    allowed = client.limits()
    results = []
    limit = options.limit
    for study in studies:
        with _turn(study):
            order = _order(study, profile, options, allowed, limit)
            result = order.result
            if order.run_ids:
                _free_claims(study, order.run_ids)
                job_ids, leftover = _Arrays(order, snapshot.freeze(study)).submit()
                result = replace(result, job_ids=job_ids, leftover=leftover)
        results.append(result)
        if limit is not None:
            limit = max(0, limit - result.runs)
    return results


def preview(studies: Sequence[Study], profile: Profile, options: LaunchOptions) -> list[Submitted]:
    """What `submit` would do; the first script of each study is written to its `jobs/preview.sh`, and nothing else."""
    check_studies(studies, options)
    allowed = client.limits() if client.installed() else ClusterLimits("", 1000, None)
    results = []
    limit = options.limit
    for study in studies:
        order = _order(study, profile, options, allowed, limit)
        result = order.result
        if order.run_ids:
            script = _Arrays(order, study.paths.jobs.resolve() / "code" / "COPY").script()
            files.write_bytes(study.paths.jobs / "preview.sh", script.encode())
            result = replace(result, script=script)
        results.append(result)
        if limit is not None:
            limit = max(0, limit - result.runs)
    return results


@dataclass(frozen=True)
class _Order:
    """What of one study is to be submitted. result: what is said of it, as far as it is known before."""

    study: Study
    profile: Profile
    options: LaunchOptions
    allowed: ClusterLimits
    run_ids: list[str]
    result: Submitted

    @property
    def tasks(self) -> list[list[str]]:
        """Run ids of each job."""
        return chunks(self.run_ids, self.profile.models_per_job * self.profile.models_per_gpu)


def _order(study: Study, profile: Profile, options: LaunchOptions, allowed: ClusterLimits, limit: int | None) -> _Order:
    covered = Submissions(study.paths).queued()[1] if client.installed() else set()
    found = study.scan(ended_jobs(study, allowed.cluster))
    asked = wanted(found, options)
    todo = [run_id for run_id in asked if run_id not in covered][:limit]
    result = Submitted(
        study=study.path,
        runs=len(todo),
        queued=sum(run_id in covered for run_id in asked),
        running=found.counts()["running"],
        device_hours=_device_hours(found, len(todo), profile) if todo else None,
    )
    order = _Order(study, profile, options, allowed, todo, result)
    jobs = len(order.tasks)
    return replace(order, result=replace(result, jobs=jobs, at_once=min(profile.max_jobs, jobs)))


class _Arrays:
    """The arrays of one launch of one study. code: folder of the frozen dsx."""

    def __init__(self, order: _Order, code: Path) -> None:
        self.study, self.profile, self.allowed, self._options = (
            order.study,
            order.profile,
            order.allowed,
            order.options,
        )
        self.tasks = order.tasks
        self.launch = new_launch()
        self._code = code
        self._submissions = Submissions(order.study.paths)

    def submit(self) -> tuple[list[str], int]:
        """All arrays; their job ids, and how many runs wait because of a submit limit."""
        waiting = list(self.tasks)
        free = self.allowed.free_submits
        most = self.allowed.max_array
        sizes = array_sizes(len(waiting) if free is None else min(len(waiting), max(free, 1)), most)
        shares = concurrency(len(sizes), self.profile.max_jobs)
        taken: list[str] = []
        while sizes:
            number, size = len(taken), sizes[0]
            after = taken[number - len(shares)] if number >= len(shares) else None
            try:
                taken.append(self._submit_array(number, waiting[:size], shares[number % len(shares)], after))
            except SlurmError as error:
                if (
                    isinstance(error, job_ids.UnknownJobError)
                    or not _is_submit_limit(error)
                    or (size == 1 and not taken)
                ):
                    raise
                if size == 1:
                    break
                most = max(1, size // 2)
                sizes = array_sizes(sum(sizes), most)
                continue
            waiting, sizes = waiting[size:], sizes[1:]
        left = [run_id for task in waiting for run_id in task]
        if left:
            files.write_json(self._submissions.leftover_path(self.launch), {"run_ids": left})
        return taken, len(left)

    def _submit_array(self, number: int, tasks: list[list[str]], share: int, after: str | None) -> str:
        name = job_name(self.study.name, self.launch, number)
        submission = Submission(
            name=name,
            launch=self.launch,
            time=time.time(),
            tasks=tasks,
            profile=self.profile.to_dict(),
            code=str(self._code),
            retry=list(self._options.retry),
            trainer=self._options.trainer,
            max_failures=self._options.max_failures,
        )
        self._submissions.write(submission)
        path = str(self.study.path.resolve())
        try:
            with client.outside_of_jobs():
                job_id = submitit_private.submit_array(
                    [ArrayTask(path, name, index) for index in range(len(tasks))],
                    self._parameters(name, len(tasks), share, after),
                    self._submissions.logs(name),
                    self.profile.command(self._code),
                    lambda printed: job_ids.job_id(printed, name),
                )
        except job_ids.UnknownJobError:
            raise  # the record stays: by its name, the job is found while it is in the queue
        except submitit_private.Refused as error:
            self._submissions.withdraw(name)
            raise SlurmError(f"sbatch: {_said(error)}") from None
        except OSError as error:
            self._submissions.withdraw(name)
            raise files.RecordError(files.unwritable(self.study.paths.jobs, error)) from error
        except Exception:
            self._submissions.withdraw(name)
            raise
        self._submissions.accepted(name, job_id)
        return job_id

    def _parameters(self, name: str, tasks: int, share: int, after: str | None = None) -> dict[str, Any]:
        parameters = self.profile.parameters(name, tasks, share, self._code)
        return parameters if after is None else {**parameters, "dependency": f"afterany:{after}"}

    def script(self) -> str:
        """The sbatch script of the first array."""
        sizes = array_sizes(len(self.tasks), self.allowed.max_array)
        share = concurrency(len(sizes), self.profile.max_jobs)[0]
        name = job_name(self.study.name, self.launch, 0)
        parameters = self._parameters(name, sizes[0], share)
        logs = self._submissions.logs(name).resolve()
        return submitit_private.script(parameters, logs, self.profile.command(self._code), sizes[0])


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


def ended_jobs(study: Study, cluster: str) -> Callable[[Holder], bool] | None:
    """Tells from a holder that cannot be seen from here whether its job has ended, by one query; None if unknown."""
    seen = study.scan().holders.values()
    foreign = {holder.job for holder in seen if holder is not None and holder.alive is None and holder.job}
    ours = {job.partition("/")[2] for job in foreign if job.partition("/")[0] == cluster}
    if not ours:
        return None
    live = client.live_jobs(ours)
    if live is None:
        return None
    return lambda holder: holder.job.startswith(f"{cluster}/") and holder.job.partition("/")[2] in ours - live


def _free_claims(study: Study, run_ids: Collection[str]) -> None:
    """Release claims whose jobs have ended, so that every worker may take them at once."""
    for run_id in run_ids:
        paths = study.paths.run(run_id)
        held = claims.current(paths)
        if held is not None and not held.is_stale():
            claims.revoke(paths, held)


def _device_hours(found: Scan, runs: int, profile: Profile) -> float | None:
    seconds = [row.seconds for row in found.finished.values() if row.seconds == row.seconds]
    return sum(seconds) / len(seconds) / 3600 * runs * profile.processes if seconds else None


@contextmanager
def _turn(study: Study) -> Iterator[None]:
    """One launch at a time submits a study; the next one finds what the first has queued."""
    place = RunPaths(study.paths.jobs / "turn")
    deadline = time.monotonic() + _TURN_S
    while True:
        held = claims.claim(place)
        if held is not None:
            break
        if time.monotonic() > deadline:
            raise StudyError(
                f"{study.path}: another launch has been submitting it for {_TURN_S / 60:.0f} min; try again"
            )
        time.sleep(0.3)
    try:
        yield
    finally:
        held.release()
        for generation in range(1, held.generation):  # keep the folder small
            place.claim(generation).unlink(missing_ok=True)


def _is_submit_limit(error: SlurmError) -> bool:
    return any(word in str(error).lower() for word in _SUBMIT_LIMIT_WORDS)


def _said(error: BaseException) -> str:
    """SLURM's own words out of submitit's message."""
    lines = [line for line in str(error).splitlines() if "sbatch:" in line]
    return client.words("\n".join(lines)) or str(error).strip().splitlines()[-1][:300]


def cancel(study: Study) -> int | None:
    """Cancel a study's jobs; how many were queued or running, None if none was ever submitted.

    What they trained is resumable. Raises SlurmError if SLURM does not answer.
    """
    submissions = Submissions(study.paths)
    if not submissions.names(open_only=False):
        return None
    entries, _ = submissions.queued()
    client.cancel(sorted({name for name, _ in entries}))
    return len(entries)

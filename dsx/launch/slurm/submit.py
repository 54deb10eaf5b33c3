"""Putting a study on the cluster: what is pending and not queued, in arrays that respect every limit, at once."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.launch import failures
from dsx.launch.local import as_studies
from dsx.launch.slurm import client, snapshot
from dsx.launch.slurm.client import Limits, SlurmError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions, chunks, job_name, new_launch
from dsx.launch.slurm.task import Task
from dsx.launch.worker import TRAINER
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


@dataclass(frozen=True)
class Request:
    """What a launch asks for; the fields are the arguments of `submit`."""

    profile: Profile
    retry: Collection[str] = ()
    max_failures: int | None = None
    run_ids: Collection[str] | None = None
    dry_run: bool = False
    trainer: str = TRAINER


def submit(
    studies: Sequence[Study | str | Path] | Study | str | Path,
    profile: Profile,
    *,
    retry: Collection[str] = (),
    limit: int | None = None,
    max_failures: int | None = None,
    run_ids: Collection[str] | None = None,
    dry_run: bool = False,
    trainer: str = TRAINER,
) -> list[Submitted]:
    """Submit what is pending (or failed and to be retried) and not queued; returns as soon as SLURM has it.

    dry_run: only write the script to `jobs/preview.sh`. Other arguments as in `dsx.launch.local.launch`.
    Raises SlurmError with SLURM's words if it refuses, and DsxError as the local launcher does.
    """
    opened = as_studies(studies)
    failures.check_retry(retry, {run.run_id for study in opened for run in study.runs()})
    request = Request(profile, sorted(retry), max_failures, run_ids, dry_run, trainer)
    allowed = client.limits() if client.installed() or not dry_run else Limits("", 1000, None)
    results = []
    for study in opened:
        if dry_run:
            results.append(_submit_study(study, request, allowed, limit))
        else:
            with _turn(study):
                results.append(_submit_study(study, request, allowed, limit))
        if limit is not None:
            limit = max(0, limit - results[-1].runs)
    return results


def _submit_study(study: Study, request: Request, allowed: Limits, limit: int | None) -> Submitted:
    covered = Submissions(study.paths).queued()[1] if client.installed() else set()
    found = study.scan(ended_jobs(study, allowed.cluster))
    wanted = [
        run_id
        for run_id, state in found.states.items()
        if (request.run_ids is None or run_id in request.run_ids)
        and (state == "pending" or (state == "failed" and failures.may_train(found.failures[run_id], request.retry)))
    ]
    todo = [run_id for run_id in wanted if run_id not in covered][:limit]
    result = Submitted(
        study=study.path,
        runs=len(todo),
        queued=sum(run_id in covered for run_id in wanted),
        running=found.counts()["running"],
        device_hours=_device_hours(found, len(todo), request.profile) if todo else None,
    )
    if not todo:
        return result
    if not request.dry_run:
        _free_claims(study, todo)
    plan = _Plan(study, request, allowed, todo)
    result = replace(result, jobs=len(plan.tasks), at_once=min(request.profile.max_jobs, len(plan.tasks)))
    if request.dry_run:
        script = plan.preview()
        files.write_bytes(study.paths.jobs / "preview.sh", script.encode())
        return replace(result, script=script)
    job_ids, leftover = plan.submit()
    return replace(result, job_ids=job_ids, leftover=leftover)


class _Plan:
    """The arrays of one launch of one study."""

    def __init__(self, study: Study, request: Request, allowed: Limits, run_ids: list[str]) -> None:
        self.study, self.request, self.profile, self.allowed = study, request, request.profile, allowed
        self.tasks = chunks(run_ids, self.profile.models_per_job * self.profile.models_per_gpu)
        self.launch = new_launch()
        self._code = Path("CODE") if request.dry_run else snapshot.freeze(study)
        self._submissions = Submissions(study.paths)

    def submit(self) -> tuple[list[str], int]:
        """All arrays; their job ids, and how many runs wait because of a submit limit."""
        waiting = list(self.tasks)
        free = self.allowed.free_submits
        most = self.allowed.max_array
        sizes = array_sizes(len(waiting) if free is None else min(len(waiting), max(free, 1)), most)
        shares = concurrency(len(sizes), self.profile.max_jobs)
        job_ids: list[str] = []
        while sizes:
            number, size = len(job_ids), sizes[0]
            after = job_ids[number - len(shares)] if number >= len(shares) else None
            try:
                job_ids.append(self._submit_array(number, waiting[:size], shares[number % len(shares)], after))
            except SlurmError as error:
                if not _is_submit_limit(error) or (size == 1 and not job_ids):
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
        return job_ids, len(left)

    def _submit_array(self, number: int, tasks: list[list[str]], share: int, after: str | None) -> str:
        name = job_name(self.study.name, self.launch, number)
        submission = Submission(
            name=name,
            launch=self.launch,
            time=time.time(),
            tasks=tasks,
            profile=self.profile.to_dict(),
            code=str(self._code),
            retry=list(self.request.retry),
            trainer=self.request.trainer,
            max_failures=self.request.max_failures,
        )
        self._submissions.write(submission)
        try:
            # submitit prints what sbatch says; here it becomes the error's text
            with client.outside_of_jobs(), contextlib.redirect_stderr(io.StringIO()):
                executor = self._executor(name, len(tasks), share, after)
                path = str(self.study.path.resolve())
                jobs = executor.submit_array([Task(path, name, index) for index in range(len(tasks))])
        except Exception as error:
            self._submissions.withdraw(name)
            if type(error).__name__ in ("FailedJobError", "FailedSubmissionError"):
                raise SlurmError(f"sbatch: {_said(error)}") from None
            if isinstance(error, OSError):
                raise files.RecordError(files.unwritable(self.study.paths.jobs, error)) from error
            raise
        job_id = str(jobs[0].job_id).partition("_")[0]
        self._submissions.accepted(name, job_id)
        return job_id

    def _executor(self, name: str, tasks: int, share: int, after: str | None) -> Any:
        import submitit

        try:
            executor = submitit.SlurmExecutor(folder=self._submissions.logs(name), python=self._python())
        except RuntimeError as error:
            raise SlurmError(f"{error} `dsx doctor --on slurm` looks") from None
        parameters = self.profile.parameters(name, tasks, share, self._code)
        if after is not None:
            parameters["dependency"] = f"afterany:{after}"
        executor.update_parameters(**parameters)
        executor._throttling = 0.0
        return executor

    def _python(self) -> str:
        python = self.profile.python or sys.executable
        return f"{self.profile.container} {python}" if self.profile.container else python

    def preview(self) -> str:
        """The sbatch script of the first array."""
        from submitit.slurm.slurm import _make_sbatch_string

        sizes = array_sizes(len(self.tasks), self.allowed.max_array)
        share = concurrency(len(sizes), self.profile.max_jobs)[0]
        name = job_name(self.study.name, self.launch, 0)
        logs = self._submissions.logs(name).resolve()
        text: str = _make_sbatch_string(
            command=f"{self._python()} -u -m submitit.core._submit {logs}",
            folder=logs,
            **self.profile.parameters(name, sizes[0], share, self._code),
            **({"map_count": sizes[0]} if sizes[0] > 1 else {}),
        )
        return text


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


def cancel(studies: Sequence[Study | str | Path] | Study | str | Path) -> dict[Path, int]:
    """Cancel the jobs of these studies; study → how many were queued or running. What they trained is resumable."""
    cancelled = {}
    for study in as_studies(studies):
        submissions = Submissions(study.paths)
        entries, _ = submissions.queued()
        client.cancel(sorted({name for name, _ in entries}))
        cancelled[study.path] = len(entries)
    return cancelled

"""Putting a study on the cluster: what is pending and not queued, in arrays that respect every limit, at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsx.base import files
from dsx.base.units import short
from dsx.launch.local.pool import SAVE_S
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_studies, wanted
from dsx.launch.slurm import client, snapshot
from dsx.launch.slurm.arrays import Arrays, Order
from dsx.launch.slurm.client import ClusterLimits
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submissions
from dsx.recipes.own import OwnRecipe
from dsx.study import claims
from dsx.study.changing import turn
from dsx.study.claims import Claim, Holder
from dsx.study.results import Scan
from dsx.study.study import Study

# how long to wait for another launch of the same study that is submitting at this moment
_TURN_S = 300.0


@dataclass(frozen=True)
class Submitted:
    """What became of one study."""

    study: Path
    runs: int
    jobs: int = 0  # in all
    job_ids: list[str] = field(default_factory=list)  # one per array
    leftover: int = 0  # runs that the jobs take in the end
    queued: int = 0  # runs that were in the queue already
    running: int = 0  # trained at this moment
    device_hours: float | None = None  # of the runs submitted, from those finished before; None if there are none
    at_once: int = 0
    script: str = field(default="", repr=False)  # the first sbatch script

    def sentence(self) -> str:
        """`500 models in 125 jobs, at most 64 at once, as jobs 17, 18`."""
        if not self.runs:
            return f"{self.study}: nothing to submit ({self.queued} queued, {self.running} running)"
        text = f"{self.study}: {self.runs} models in {self.jobs} jobs, at most {self.at_once} at once"
        if self.device_hours is not None:
            wall = self.device_hours / max(self.at_once, 1)
            text += f"; est. {short(self.device_hours)} device-hours, {short(wall)} h wall"
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
    submitted: list[Submitted] = []
    for study in studies:
        with _turn(study):
            order, result = _order(study, profile, options, allowed, submitted)
            if order.run_ids:
                _free_claims(study, order.run_ids)
                job_ids, leftover = Arrays(order, snapshot.freeze(study)).submit()
                result = replace(result, job_ids=job_ids, leftover=leftover)
            submitted.append(result)
    return submitted


def preview(studies: Sequence[Study], profile: Profile, options: LaunchOptions) -> list[Submitted]:
    """What `submit` would do; the first script of each study is written to its `jobs/preview.sh`, and nothing else."""
    check_studies(studies, options)
    allowed = client.limits() if client.installed() else ClusterLimits("", 1000, None)
    would: list[Submitted] = []
    for study in studies:
        order, result = _order(study, profile, options, allowed, would)
        if order.run_ids:
            script = Arrays(order, study.paths.jobs.resolve() / "code" / "COPY").script()
            files.write_bytes(study.paths.jobs / "preview.sh", script.encode())
            result = replace(result, script=script)
        would.append(result)
    return would


def _order(
    study: Study, profile: Profile, options: LaunchOptions, allowed: ClusterLimits, before: Sequence[Submitted]
) -> tuple[Order, Submitted]:
    """What of a study is to be submitted, and what is said of it, as far as that is known before.

    before: the studies whose turn it was in the same launch, which may be limited.
    """
    left = None if options.limit is None else max(0, options.limit - sum(study.runs for study in before))
    covered = Submissions(study.paths).queued()[1] if client.installed() else set()
    scan = study.scan(ended_jobs(study, allowed.cluster))
    recipe = study.recipe
    if isinstance(recipe, OwnRecipe) and recipe.command is not None:
        grace_s = recipe.stop_grace_s + SAVE_S
        profile = profile.leaving(
            grace_s, f"recipe '{recipe.name}' gives its programs stop_grace_s {recipe.stop_grace_s:g}"
        )
    asked = wanted(scan, options)
    order = Order(study, profile, options, allowed, [run_id for run_id in asked if run_id not in covered][:left])
    runs, jobs = len(order.run_ids), len(order.tasks)
    return order, Submitted(
        study=study.path,
        runs=runs,
        jobs=jobs,
        queued=sum(run_id in covered for run_id in asked),
        running=scan.counts()["running"],
        device_hours=_device_hours(scan, runs, profile) if runs else None,
        at_once=min(profile.max_jobs, jobs),
    )


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


def _device_hours(scan: Scan, runs: int, profile: Profile) -> float | None:
    seconds = [row.seconds for row in scan.finished.values() if row.seconds == row.seconds]
    return sum(seconds) / len(seconds) / 3600 * runs * profile.processes if seconds else None


def _turn(study: Study) -> AbstractContextManager[Claim]:
    """One launch at a time submits a study; the next one finds what the first has queued."""
    busy = f"{study.path}: another launch has been submitting it for {_TURN_S / 60:.0f} min; try again"
    return turn(study.paths.jobs / "turn", study.paths.jobs, _TURN_S, busy)


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

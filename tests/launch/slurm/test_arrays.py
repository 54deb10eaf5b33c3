import json
from pathlib import Path

import fake_slurm
import pytest

from dsx.base.files import RecordError
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm import arrays, job_ids
from dsx.launch.slurm.arrays import array_sizes, concurrency
from dsx.launch.slurm.client import ClusterLimits, SlurmError
from dsx.launch.slurm.job_ids import UnknownJobError
from dsx.launch.slurm.submissions import Submissions

from standins import make_study, slurm_profile, submit_there


@pytest.mark.parametrize("tasks", [1, 2, 999, 1000, 1001, 5000, 12_345])
def test_arrays_hold_every_task_and_respect_the_limit(tasks):
    sizes = array_sizes(tasks, 1000)
    assert sum(sizes) == tasks
    assert max(sizes) <= 1000
    assert len(sizes) == -(-tasks // 1000)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("count", "cap"), [(1, 64), (5, 64), (5, 3), (1, 1), (7, 7)])
def test_arrays_share_one_cap(count, cap):
    shares = concurrency(count, cap)
    assert sum(shares) == cap
    assert min(shares) >= 1
    assert len(shares) == min(count, cap)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A function that sets up a fake cluster whose sbatch answers in a certain way."""

    def answering(kind):
        environment = fake_slurm.install(tmp_path / "slurm", FAKE_SBATCH=kind)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return environment

    return answering


def queued(environment):
    return [record for record in fake_slurm.queue(environment) if not record["ended"]]


@pytest.mark.slow
def test_a_submission_that_timed_out_leaves_no_job_that_nobody_knows(cluster, tmp_path):
    """sbatch may fail although the controller has taken the job."""
    environment = cluster("timeout")
    study = make_study(tmp_path / "a", n=2)
    with pytest.raises(SlurmError) as caught:
        submit_there(study, slurm_profile())
    assert str(caught.value) == "sbatch: Batch job submission failed: Socket timed out on send/recv operation"
    assert len(fake_slurm.queue(environment)) == 1
    assert queued(environment) == []
    assert Submissions(study.paths).names() == []


@pytest.mark.slow
def test_a_fault_after_sbatch_took_the_jobs_takes_them_back(cluster, tmp_path, monkeypatch):
    def full(printed, name):
        raise OSError(28, "No space left on device")

    environment = cluster("standard")
    monkeypatch.setattr(job_ids, "job_id", full)
    study = make_study(tmp_path / "a", n=2)
    with pytest.raises(RecordError, match="No space left on device"):
        submit_there(study, slurm_profile())
    assert (len(fake_slurm.queue(environment)), queued(environment)) == (1, [])
    assert Submissions(study.paths).names() == []


@pytest.mark.slow
def test_what_cannot_be_taken_back_stays_on_record(cluster, tmp_path):
    environment = cluster("timeout")
    Path(environment["PATH"].partition(":")[0], "scancel").write_text("#!/bin/sh\nexit 1\n")
    study = make_study(tmp_path / "a", n=2)
    with pytest.raises(SlurmError):
        submit_there(study, slurm_profile())
    assert len(Submissions(study.paths).names()) == 1
    assert submit_there(study, slurm_profile()).queued == 2


@pytest.mark.slow
def test_a_job_without_an_id_stays_on_record(cluster, tmp_path, monkeypatch):
    def nobody_knows(printed, name):
        raise UnknownJobError("no id")

    cluster("standard")
    monkeypatch.setattr(job_ids, "job_id", nobody_knows)
    study = make_study(tmp_path / "a", n=2)
    with pytest.raises(UnknownJobError):
        submit_there(study, slurm_profile())
    assert submit_there(study, slurm_profile()).queued == 2


@pytest.mark.parametrize(("free", "max_array"), [(3, 1000), (None, 1000), (3, 1)])
def test_what_waits_for_a_submit_limit_is_on_record_before_a_job_can_end(tmp_path, monkeypatch, free, max_array):
    """Whether the limit is known, or told by a refusal."""
    study = make_study(tmp_path / "a", n=9)
    run_ids = [run.run_id for run in study.runs()]
    taken, seen = [], []

    def sbatch(_submissions, submission, *_):
        if len(taken) + len(submission.tasks) > 3:
            raise SlurmError("sbatch: Batch job submission failed: AssocMaxSubmitJobLimit")
        path = Submissions(study.paths).leftover_path(submission.launch)
        seen.append({*json.loads(path.read_text())["run_ids"]})
        taken.extend(run_id for task in submission.tasks for run_id in task)
        return str(len(taken))

    monkeypatch.setattr(arrays, "submit_recorded", sbatch)
    allowed = ClusterLimits("fake", max_array, free)
    order = arrays.Order(study, slurm_profile(models_per_job=1), LaunchOptions(), allowed, run_ids)
    assert arrays.Arrays(order, tmp_path).submit()[1] == 6
    assert taken == run_ids[:3]
    assert all(left >= {*run_ids[3:]} for left in seen)
    assert seen


def test_what_waits_for_a_limit_that_is_met_late_is_on_record_too(tmp_path, monkeypatch):
    study = make_study(tmp_path / "a", n=3)
    run_ids = [run.run_id for run in study.runs()]
    told = iter(["1"])

    def sbatch(*_):
        job_id = next(told, None)
        if job_id is None:
            raise SlurmError("sbatch: Batch job submission failed: AssocMaxSubmitJobLimit")
        return job_id

    monkeypatch.setattr(arrays, "submit_recorded", sbatch)
    order = arrays.Order(
        study, slurm_profile(models_per_job=1), LaunchOptions(), ClusterLimits("fake", 1, None), run_ids
    )
    assert arrays.Arrays(order, tmp_path).submit()[1] == 2
    (path,) = Submissions(study.paths).folder.glob("*.leftover")
    assert json.loads(path.read_text()) == {"run_ids": run_ids[1:]}

"""What is said of a study's jobs, by one look at the queue and one at accounting."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dsx.launch.slurm import client
from dsx.launch.slurm.client import QueueEntry, SlurmError
from dsx.launch.slurm.status import Jobs, jobs
from dsx.launch.slurm.submissions import Submission, Submissions
from dsx.study.study import Study

from standins import make_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """One array of four jobs was submitted as job 7."""
    made = make_study(tmp_path / "a", n=4)
    tasks = [[run.run_id] for run in made.runs()]
    submissions = Submissions(made.paths)
    submissions.write(Submission("a-0", "a", time.time(), tasks, {}, "/code", [], "a:b"))
    submissions.accepted("a-0", "7")
    return made


def cluster(
    monkeypatch: pytest.MonkeyPatch, entries: list[QueueEntry], accounting: dict[str, str] | None = None
) -> None:
    monkeypatch.setattr(client, "queue", lambda names: {(entry.name, entry.task): entry for entry in entries})
    monkeypatch.setattr(client, "accounting", lambda job_ids: accounting)


def entry(task: int, state: str, reason: str = "None") -> QueueEntry:
    return QueueEntry("a-0", task, f"7_{task}", state, reason)


def test_a_study_that_was_never_submitted_has_nothing_to_tell(tmp_path: Path) -> None:
    assert jobs(make_study(tmp_path / "b", n=1)) == Jobs()
    assert Jobs().lines() == []


def test_queue_and_accounting_are_told_together(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a job that is queued, accounting tells an older end; and it lags behind the queue."""
    entries = [entry(0, "RUNNING"), entry(1, "PENDING", "Priority"), entry(2, "PENDING", "Resources")]
    states = {"7_0": "NODE_FAIL", "7_3": "TIMEOUT", "7_4": "COMPLETED", "7_5": "RUNNING", "7_[6-9]": "CANCELLED"}
    cluster(monkeypatch, entries, states)
    assert jobs(study) == Jobs(
        queued={"RUNNING": 1, "PENDING": 2},
        reasons={"Priority": 1, "Resources": 1},
        ended={"TIMEOUT": 1, "COMPLETED": 1},
        arrays={"a-0": "7"},
    )
    assert jobs(study).lines() == [
        "  jobs: 2 pending, 1 running (Priority: 1, Resources: 1); ended: 1 completed, 1 timeout"
    ]


def test_without_accounting_the_queue_alone_is_told(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, [entry(0, "PENDING")])
    assert jobs(study).lines() == ["  jobs: 1 pending"]
    cluster(monkeypatch, [])
    assert jobs(study).lines() == ["  jobs: none queued"]


def test_a_queue_that_does_not_answer_says_nothing_about_the_jobs(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(names: list[str]) -> None:
        raise SlurmError("squeue: no answer in 30 s")

    monkeypatch.setattr(client, "queue", silent)
    assert not jobs(study).known
    assert jobs(study).lines() == ["  jobs: unknown (squeue: no answer in 30 s)"]


def test_held_jobs_are_told_with_what_releases_them() -> None:
    held = Jobs(queued={"PENDING": 3}, reasons={"JobHeldUser": 2, "JobHeldAdmin": 1}, arrays={"a-0": "7", "a-1": "9"})
    assert held.lines() == [
        "  jobs: 3 pending (JobHeldAdmin: 1, JobHeldUser: 2)",
        "  3 held and will not start by themselves: scontrol release 7,9",
    ]

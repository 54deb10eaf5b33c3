"""The records of what was submitted: written before sbatch is asked, and looked through beside the queue."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dsx.launch.slurm import client
from dsx.launch.slurm.client import QueueEntry
from dsx.launch.slurm.submissions import Submission, Submissions, job_name, new_launch
from dsx.study.paths import StudyPaths

Queue = Callable[..., list[list[str]]]


@pytest.fixture
def submissions(tmp_path: Path) -> Submissions:
    return Submissions(StudyPaths(tmp_path))


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """queue(("a-0", 1)): what is in the queue. Back comes the list of what it was asked for."""
    asked: list[list[str]] = []

    def hold(*tasks: tuple[str, int]) -> list[list[str]]:
        def answer(names: list[str]) -> dict[tuple[str, int], QueueEntry]:
            asked.append(list(names))
            return {(n, t): QueueEntry(n, t, f"7_{t}", "PENDING", "") for n, t in tasks if n in names}

        monkeypatch.setattr(client, "queue", answer)
        return asked

    return hold


def record(name: str, tasks: list[list[str]], age_s: float = 0.0) -> Submission:
    launch = name.rpartition("-")[0]
    return Submission(name, launch, time.time() - age_s, tasks, {"cpus": 2}, "/code", ["error"], "a:b", 5)


def test_job_names_are_safe():
    assert job_name("my study, v2/ü", "l", 0) == "dsx-my_study__v2__-l-0"


def test_names_of_launches_sort_by_time_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [new_launch() for _ in range(20)]
    assert len(set(names)) == 20
    monkeypatch.setattr(time, "strftime", lambda form: "990101-000000-")
    assert max([*names, new_launch()]).startswith("990101-000000-")


def test_what_is_written_is_what_is_read(submissions: Submissions) -> None:
    written = record("a-0", [["r1", "r2"], ["r3"]])
    submissions.write(written)
    assert submissions.read("a-0") == written
    assert submissions.names() == ["a-0"]
    submissions.withdraw("a-0")
    submissions.withdraw("a-0")
    assert (submissions.read("a-0"), submissions.names()) == (None, [])


def test_a_record_that_is_torn_or_of_another_version_is_none(submissions: Submissions) -> None:
    submissions.write(record("a-0", []))
    submissions.path("a-0").write_bytes(submissions.path("a-0").read_bytes()[:20])
    assert submissions.read("a-0") is None
    submissions.path("a-0").write_text('{"name": "a-0", "colour": "red"}')
    assert submissions.read("a-0") is None


def test_the_job_id_is_known_once_slurm_gave_it(submissions: Submissions) -> None:
    submissions.write(record("a-0", []))
    assert submissions.job_id("a-0") is None
    submissions.accepted("a-0", "4711")
    assert submissions.job_id("a-0") == "4711"
    assert submissions.names() == ["a-0"]


def test_arrays_that_are_closed_are_left_out_unless_all_are_asked_for(submissions: Submissions) -> None:
    for name in ("b-0", "a-0", "a-1"):
        submissions.write(record(name, []))
    submissions.close("a-0")
    assert submissions.names() == ["a-1", "b-0"]
    assert submissions.names(open_only=False) == ["a-0", "a-1", "b-0"]


def test_the_last_array_is_the_latest_in_time(submissions: Submissions) -> None:
    assert submissions.last() is None
    for name, age_s in (("a-0", 50.0), ("b-0", 10.0), ("c-0", 90.0)):
        submissions.write(record(name, [], age_s))
    last = submissions.last()
    assert last is not None
    assert last.name == "b-0"


def test_runs_of_tasks_in_the_queue_are_covered(submissions: Submissions, queue: Queue) -> None:
    submissions.write(record("a-0", [["r0", "r1"], ["r2"], ["r3"]]))
    submissions.write(record("b-0", [["s0"]]))
    asked = queue(("a-0", 0), ("a-0", 2))
    entries, covered = submissions.queued()
    assert set(entries) == {("a-0", 0), ("a-0", 2)}
    assert covered == {"r0", "r1", "r3"}
    assert asked == [["a-0", "b-0"]]


def test_an_old_array_that_left_the_queue_is_asked_about_no_more_and_a_young_one_is(
    submissions: Submissions, queue: Queue
) -> None:
    """The queue shows jobs some seconds after sbatch has taken them."""
    submissions.write(record("old-0", [["r0"]], age_s=61))
    submissions.write(record("young-0", [["r1"]], age_s=50))
    asked = queue()
    for _ in range(2):
        assert submissions.queued() == ({}, set())
    assert asked == [["old-0", "young-0"], ["young-0"]]


def test_without_records_the_queue_is_not_asked(submissions: Submissions, queue: Queue) -> None:
    asked = queue(("a-0", 0))
    assert submissions.queued() == ({}, set())
    assert asked == []


def test_a_record_that_cannot_be_read_covers_nothing(submissions: Submissions, queue: Queue) -> None:
    submissions.write(dataclasses.replace(record("a-0", [["r0"]]), name="a-0"))
    submissions.path("a-0").write_text("{")
    queue(("a-0", 0))
    entries, covered = submissions.queued()
    assert (set(entries), covered) == ({("a-0", 0)}, set())

"""What one job does: trains its runs and what was left over, saves when it must stop, and goes back into the queue."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.launch.launcher import Launched
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm import client, task
from dsx.launch.slurm.client import SlurmError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions
from dsx.launch.slurm.task import ArrayTask, Stop, requeue_this_job
from dsx.study.results import Failure
from dsx.study.study import Study

from standins import behave, make_study, trainings

HANDLED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def requeued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were put back into the queue; no time passes while one waits for its end."""
    names: list[str] = []
    now = [0.0]
    monkeypatch.setattr(client, "requeue", names.append)
    monkeypatch.setattr(client, "cancel", names.extend)
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "77")

    class Clock:
        time = staticmethod(time.time)

        @staticmethod
        def monotonic() -> float:
            return now[0]

        @staticmethod
        def sleep(seconds: float) -> None:
            now[0] += seconds

    monkeypatch.setattr(task, "time", Clock)
    return names


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=4)


Submit = Callable[..., ArrayTask]


@pytest.fixture
def submit(study: Study) -> Submit:
    """submit([[0, 1], [2]], index=1): the second of two jobs, whose runs are given by row."""

    def record(tasks: list[list[int]], index: int = 0, max_failures: int | None = None, **profile: Any) -> ArrayTask:
        ids = [run.run_id for run in study.runs()]
        told = Profile(**profile).to_dict()
        run_ids = [[ids[row] for row in rows] for rows in tasks]
        Submissions(study.paths).write(
            Submission("a-0", "a", 0.0, run_ids, told, "/code", ["error"], "standins:train", max_failures)
        )
        return ArrayTask(str(study.path), "a-0", index)

    return record


def done_rows(study: Study) -> list[int]:
    order = [run.run_id for run in study.runs()]
    return sorted(order.index(run_id) for run_id in trainings(study))


# ---- when to stop ----


def test_a_stop_that_forbids_requeueing_outweighs_one_that_asks_for_it() -> None:
    stop = Stop(deadline=0.0)
    assert stop()
    assert stop.requeue
    stop.now("cancelled", requeue=False)
    assert not stop.requeue
    later = Stop(deadline=1e12)
    assert not later()
    later.now("cancelled", requeue=False)
    later.now("USR1", requeue=True)
    assert not later.requeue


@pytest.mark.parametrize(
    ("number", "requeue", "terminated"),
    [(signal.SIGUSR1, True, False), (signal.SIGUSR2, True, False), (signal.SIGTERM, False, True)],
)
def test_signals_stop_a_job_and_say_whether_it_goes_on(number: signal.Signals, requeue: bool, terminated: bool) -> None:
    stop = Stop(deadline=1e12)
    stop.listen()
    assert not stop()
    os.kill(os.getpid(), number)
    assert stop()
    assert (stop.why, stop.requeue, stop.terminated) == (f"got {number.name}", requeue, terminated)


# ---- what a job trains ----


def test_a_job_trains_its_own_runs_and_no_others(study: Study, submit: Submit, requeued: list[str]) -> None:
    assert submit([[0, 1], [2]], index=1)() == {"done": 1}
    assert done_rows(study) == [2]
    assert submit([[0, 1], [2]], index=0)() == {"done": 2}
    assert done_rows(study) == [0, 1, 2]
    assert requeued == []


def test_what_the_launch_had_no_job_for_is_trained_in_the_end(study: Study, submit: Submit) -> None:
    job = submit([[0], [1]])
    ids = [run.run_id for run in study.runs()]
    files.write_json(Submissions(study.paths).leftover_path("a"), {"run_ids": ids[2:]})
    assert job() == {"done": 3}
    assert done_rows(study) == [0, 2, 3]
    assert ArrayTask(str(study.path), "a-0", 1)() == {"done": 1, "skipped": 2}


def test_a_job_may_be_pickled_and_be_called_again(study: Study, submit: Submit) -> None:
    job = pickle.loads(pickle.dumps(submit([[0, 1]])))
    assert job() == {"done": 2}
    assert job() == {"skipped": 2}
    assert job.checkpoint().function is job


def test_a_job_that_is_out_of_time_saves_and_goes_back_into_the_queue(
    study: Study, submit: Submit, requeued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three quarters of what is kept free at the end of a job are over."""
    behave(study, r0="endless")
    first = study.paths.run(study.runs()[0].run_id).folder / "checkpoint.pt"
    job = submit([[0, 1]], timeout_min=10, stop_early_s=100)
    began = time.time()
    monkeypatch.setattr(task.time, "time", lambda: began + (526 if first.exists() else 0))
    assert job() == {"interrupted": 1}
    assert requeued == ["77"]
    assert first.exists()
    assert study.counts()["pending"] == 4


def test_a_job_that_may_not_requeue_only_saves(
    study: Study, submit: Submit, requeued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task.time, "time", iter([0.0, *[1e6] * 1000]).__next__)
    assert submit([[0, 1]], requeue=False)() == {}
    assert (requeued, study.counts()["pending"]) == ([], 4)


def test_too_many_failures_of_the_whole_launch_end_it(study: Study, submit: Submit, requeued: list[str]) -> None:
    """Another job of the launch has met one failure; failures of other launches do not count."""
    submissions = Submissions(study.paths)
    job = submit([[0, 1, 2, 3]], max_failures=2)
    for launch in ("a", "b"):
        submissions.failed_folder(launch).mkdir()
        (submissions.failed_folder(launch) / f"of-{launch}").touch()
    behave(study, r0="raise", r1="raise", r2="raise")
    assert job() == {"failed": 2}
    assert study.counts()["pending"] == 2
    assert requeued == ["a-0"]  # cancelled, not put back


def test_a_job_whose_record_is_nowhere_says_so(study: Study, submit: Submit) -> None:
    """A network file system shows a record late: it is waited for, not for ever."""
    job = submit([[0]], index=1)
    with pytest.raises(StudyError) as caught:
        job()
    record = Submissions(study.paths).path("a-0")
    assert str(caught.value) == f"{record}: no record of this job; does the node see the folder?"


def test_models_that_share_a_gpu_are_trained_by_the_local_launcher(
    study: Study, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    ids = [run.run_id for run in study.runs()]

    def launch(launcher: LocalLauncher, studies: list[Study], options: LaunchOptions) -> Launched:
        given.update(launcher=launcher, options=options)
        return Launched({"done": 2, "failed": 1}, failed=((study.path, Failure(ids[1], "error", "x")),))

    monkeypatch.setattr(LocalLauncher, "launch", launch)
    job = submit([[0, 1, 2]], gpus_per_model=1, models_per_gpu=3, cpus=2)
    assert job() == {"done": 2, "failed": 1}
    launcher, options = given["launcher"], given["options"]
    assert (launcher.models_per_gpu, launcher.workers, launcher.threads) == (3, None, None)
    assert (options.device, options.retry, options.trainer) == ("cuda", ("error",), "standins:train")
    assert options.run_ids == frozenset(ids[:3])
    assert [path.name for path in Submissions(study.paths).failed_folder("a").iterdir()] == [ids[1]]


@pytest.mark.parametrize(
    ("profile", "device", "threads"),
    [
        ({"cpus": 3}, "cpu", 3),
        ({"cpus": 3, "gpus_per_model": 1}, "cuda", None),
        ({"cpus": 3, "gpus_per_model": 1, "device": "cpu"}, "cpu", 3),
    ],
)
def test_the_device_is_the_profiles(
    submit: Submit, monkeypatch: pytest.MonkeyPatch, profile: dict[str, Any], device: str, threads: int | None
) -> None:
    told: list[tuple[str, int | None]] = []

    def work(path: object, run_ids: object, settings: Any, **_: object) -> list[object]:
        told.append((settings.device, settings.threads))
        return []

    monkeypatch.setattr(task, "work", work)
    submit([[0]], **profile)()
    assert told == [(device, threads)]


# ---- back into the queue ----


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SLURM_JOB_ID": "77"}, ["77"]),
        ({"SLURM_JOB_ID": "80", "SLURM_ARRAY_JOB_ID": "80", "SLURM_ARRAY_TASK_ID": "3"}, ["80_3"]),
        ({"SLURM_JOB_ID": ""}, []),
    ],
    ids=["a job", "the last task of an array", "no job"],
)
def test_a_task_is_requeued_by_its_own_name(
    variables: dict[str, str], name: list[str], requeued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    requeue_this_job(Stop(deadline=1e12))
    assert requeued == name


def test_a_controller_that_does_not_answer_is_asked_three_times_and_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(name: str) -> None:
        raise SlurmError(f"scontrol: away, {name}")

    monkeypatch.setattr(client, "requeue", away)
    requeue_this_job(Stop(deadline=1e12))
    assert capsys.readouterr().err.splitlines() == ["scontrol: away, 77"] * 3

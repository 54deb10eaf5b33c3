"""Worker processes: what becomes of those that die, and of a pool from which nothing comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pebble import ProcessExpired

from dsx.base.errors import DsxError
from dsx.launch.devices import Slot
from dsx.launch.local import pool
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.local.pool import GRACE_S, MUTE_S, PoolSettings, WorkerGone, WorkerGroup, autopsy, grace_s
from dsx.launch.worker import WorkSettings
from dsx.recipes.recipe import read_recipe
from dsx.study.claims import claim, process_start
from dsx.study.study import Study

from standins import behave, launch_here, make_study, train

SETTINGS = PoolSettings(WorkSettings("cpu", 1, (), "standins:train"), memory_limit_gb=1.5, timeout_s=90)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=2)


def first(study: Study) -> str:
    return study.runs()[0].run_id


class Processes:
    """Stands in for pebble's pool: starts none, and keeps what it was given."""

    def __init__(self, **given: Any) -> None:
        self.active = True
        self.given = given
        self.scheduled: list[dict[str, Any]] = []

    def schedule(self, function: object, **given: Any) -> Future[object]:
        self.scheduled.append(given)
        return Future()

    def stop(self) -> None:
        self.active = False

    def join(self, timeout: float) -> None: ...


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Processes]:
    made: list[Processes] = []

    def start(**given: Any) -> Processes:
        made.append(Processes(**given))
        return made[-1]

    monkeypatch.setattr(pool, "ProcessPool", start)
    return made


@pytest.fixture
def group(processes: list[Processes]) -> Iterator[WorkerGroup]:
    with WorkerGroup(Slot("cpu", 2), 2, SETTINGS) as made:
        yield made


# ---- what is said of a worker that died ----


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (TimeoutError(), "timeout", "took longer than the time limit of 1.5 min"),
        (ProcessExpired("x", code=86), "out_of_memory", "used more than the memory limit of 1.5 GB"),
        (ProcessExpired("x", code=3), "killed", "its worker ended with exit code 3"),
        (
            ProcessExpired("x", code=-9),
            "killed",
            "its worker was killed by SIGKILL (often the system is out of memory)",
        ),
        (ProcessExpired("x", code=-11), "killed", "its worker was killed by SIGSEGV"),
        (ProcessExpired("x", code=-250), "killed", "its worker ended with exit code -250"),
        (WorkerGone(), "killed", "its worker ended with exit code 0"),
    ],
)
def test_a_worker_that_died_is_the_models_failure(study: Study, error: Exception, kind: str, message: str) -> None:
    outcome = autopsy(study, first(study), error, SETTINGS)
    assert outcome.what == "failed"
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.message) == (kind, message)
    assert study.failures() == [outcome.failure]


def test_a_worker_that_was_told_to_end_has_failed_at_nothing(study: Study) -> None:
    assert autopsy(study, first(study), ProcessExpired("x", code=88), SETTINGS).what == "interrupted"
    assert study.failures() == []


def test_a_worker_that_died_after_its_result_was_written_is_done(study: Study) -> None:
    run = study.runs()[0]
    study.paths.run(run.run_id).folder.mkdir(parents=True)
    train(run.architecture, study.recipe, seed=run.seed, folder=study.paths.run(run.run_id).folder)
    assert autopsy(study, run.run_id, ProcessExpired("x", code=-9), SETTINGS).what == "done"


def test_a_model_that_another_process_trains_is_left_to_it_unless_it_was_ours_that_took_too_long(study: Study) -> None:
    assert claim(study.paths.run(first(study))) is not None
    assert autopsy(study, first(study), ProcessExpired("x", code=-9), SETTINGS).what == "held"
    assert study.failures() == []
    assert autopsy(study, first(study), TimeoutError(), SETTINGS).what == "failed"


def test_a_pool_that_broke_ends_the_launch(study: Study) -> None:
    with pytest.raises(DsxError, match=r"^worker processes die before they can train \(all gone\); what they said is "):
        autopsy(study, first(study), BrokenProcessPool("all gone"), SETTINGS)
    assert study.failures() == []


# ---- a group of workers ----


def test_a_reserve_waits_at_cores_and_none_at_a_gpu() -> None:
    assert WorkerGroup(Slot("cpu", 2), 2, SETTINGS).capacity == 4
    assert WorkerGroup(Slot("cpu", 16), 16, SETTINGS).capacity == 20
    assert WorkerGroup(Slot("cuda", 3, "0"), 3, SETTINGS).capacity == 3


def test_runs_are_handed_out_with_their_limit_of_time(group: WorkerGroup, processes: list[Processes]) -> None:
    future = group.schedule(Path("S"), "m1")
    assert not future.done()
    assert processes[0].scheduled == [{"args": ("S", "m1", SETTINGS.work), "timeout": 90}]
    assert processes[0].given["max_workers"] == 2


def test_a_group_is_open_until_it_is_left(processes: list[Processes]) -> None:
    with WorkerGroup(Slot("cpu", 2), 2, SETTINGS) as made:
        assert made.is_open
    assert not made.is_open


def test_workers_are_told_to_end_by_the_pipe_that_is_closed(group: WorkerGroup, processes: list[Processes]) -> None:
    (told,) = processes[0].given["initargs"]
    assert not told.stop.poll(0)
    group.stop()
    with pytest.raises(EOFError):
        told.stop.recv()
    group.stop()  # once more does no harm


def test_who_took_a_run_up_and_ended_is_gone(group: WorkerGroup, processes: list[Processes]) -> None:
    import os

    (told,) = processes[0].given["initargs"]
    assert not group.is_gone(Path("S"), "m1")
    told.reports.send(("S", "m1", os.getpid(), process_start(os.getpid())))
    told.reports.send(("S", "m2", os.getpid(), "another start"))
    assert not group.is_gone(Path("S"), "m1")
    assert group.is_gone(Path("S"), "m2")
    assert not group.is_gone(Path("T"), "m2")


def test_a_pool_that_closed_and_one_that_is_mute_end_the_launch(
    group: WorkerGroup, processes: list[Processes], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr(pool, "time", clock)
    waiting: Future[Any] = Future()
    group.check_alive([waiting])
    now += MUTE_S - 60
    group.check_alive([waiting])
    # a run that is being trained is a sign of life, and so is that nothing is waited for
    running: Future[Any] = Future()
    running.set_running_or_notify_cancel()
    group.check_alive([waiting, running])
    now += MUTE_S - 60
    group.check_alive([waiting])
    group.check_alive([])
    now += MUTE_S + 1
    with pytest.raises(DsxError, match=r"^no worker process has begun to train in 10 min: each ends, or hangs, while "):
        group.check_alive([waiting])
    processes[0].active = False
    with pytest.raises(DsxError, match=r"^worker processes die before they can train; what they said is above"):
        group.check_alive([waiting])


def test_what_keeps_processes_from_starting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(**_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(pool, "ProcessPool", none_left)
    with pytest.raises(DsxError) as caught, WorkerGroup(Slot("cpu", 2), 2, SETTINGS):
        pass
    assert str(caught.value).startswith("worker processes cannot be started: too many open files: ")
    assert str(caught.value).endswith("; `dsx doctor` looks closer")


# ---- with real processes ----


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_one_model(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=8)
    behave(study, r0="leave", r1="kill", r2="raise", r3="vanish", r4="exit", r6="diverge")
    summary = launch_here(study)
    assert summary.counts == {"done": 2, "failed": 5, "diverged": 1}
    ids = [run.run_id for run in study.runs()]
    causes = {failure.run_id: (failure.kind, failure.message) for failure in study.failures()}
    assert causes == {
        ids[0]: ("error", "SystemExit: enough"),
        ids[3]: ("killed", "its worker ended with exit code 0"),
        ids[1]: ("killed", "its worker was killed by SIGKILL (often the system is out of memory)"),
        ids[2]: ("error", "ValueError: the loss went for a walk"),
        ids[4]: ("killed", "its worker ended with exit code 3"),
    }
    behave(study)
    summary = launch_here(study, retry=["killed"])
    assert summary.counts == {"done": 3}
    assert study.counts()["failed"] == 2


@pytest.mark.slow
def test_limits_of_time_and_memory_cost_only_the_model_that_breaks_them(tmp_path: Path) -> None:
    out_of_time, out_of_memory = make_study(tmp_path / "a", n=3), make_study(tmp_path / "b", n=3)
    behave(out_of_time, r0="endless", r1="endless")
    behave(out_of_memory, r0="memory")
    launch_here(out_of_time, LocalLauncher(time_limit_min=0.02), workers=1, limit=2)
    launch_here(out_of_time)  # without the limit: on a busy machine any model may take so long
    launch_here(out_of_memory, LocalLauncher(memory_limit_gb=0.6))
    for study, causes in (
        (out_of_time, [("timeout", "took longer than the time limit of 0.02 min")] * 2),
        (out_of_memory, [("out_of_memory", "used more than the memory limit of 0.6 GB")]),
    ):
        assert [(failure.kind, failure.message) for failure in study.failures()] == causes
        assert study.counts()["done"] == 3 - len(causes)


def test_a_stop_leaves_a_program_the_time_that_its_recipe_gives_it(tmp_path: Path) -> None:
    plain, own = make_study(tmp_path / "plain"), make_study(tmp_path / "own", recipe=False)
    own.set_recipe(read_recipe({"name": "slow", "command": ["true"], "stop_grace_s": 90}))
    assert grace_s([plain]) == GRACE_S
    assert grace_s([plain, own]) == 100

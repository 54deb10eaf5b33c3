"""Putting studies on a cluster: what is pending and in no queue, within the limits, one launch at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dsx.base.errors import DefinitionError, StudyError
from dsx.launch.failures import record_failure
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm import client, snapshot
from dsx.launch.slurm import submit as submitting
from dsx.launch.slurm.arrays import Arrays, Order
from dsx.launch.slurm.client import ClusterLimits, QueueEntry, SlurmError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions
from dsx.launch.slurm.submit import Submitted, cancel, ended_jobs, preview, submit
from dsx.recipes.recipe import read_recipe
from dsx.study import claims
from dsx.study.claims import Holder, claim
from dsx.study.paths import RunPaths
from dsx.study.study import Study

from standins import make_study, train


class Cluster:
    """A cluster in a few lists. orders: what was submitted, in turn. queue: (array, task)."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.queue: list[tuple[str, int]] = []
        self.live: set[str] | None = set()
        self.cancelled: list[str] = []

    def entries(self, names: Sequence[str]) -> dict[tuple[str, int], QueueEntry]:
        return {key: QueueEntry(*key, "7", "PENDING", "") for key in self.queue if key[0] in names}

    def take(self, arrays: Any) -> tuple[list[str], int]:
        """In place of Arrays.submit: every job is taken but, as by a submit limit, those beyond the second."""
        order = arrays._order
        self.orders.append(order)
        return [str(10 * len(self.orders))], sum(map(len, order.tasks[2:]))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(client, "installed", lambda: True)
    monkeypatch.setattr(client, "limits", lambda: ClusterLimits("alpha", 1000, None))
    monkeypatch.setattr(client, "queue", made.entries)
    monkeypatch.setattr(client, "live_jobs", lambda job_ids: made.live)
    monkeypatch.setattr(client, "cancel", made.cancelled.extend)
    monkeypatch.setattr(snapshot, "freeze", lambda study: Path("/code"))
    monkeypatch.setattr(Arrays, "submit", lambda arrays: made.take(arrays))
    return made


def rows(study: Study, run_ids: Sequence[str]) -> list[int]:
    order = [run.run_id for run in study.runs()]
    return [order.index(run_id) for run_id in run_ids]


def finish(study: Study, row: int) -> None:
    run = study.runs()[row]
    study.paths.run(run.run_id).folder.mkdir(parents=True)
    train(run.architecture, study.recipe, seed=run.seed, folder=study.paths.run(run.run_id).folder)


def queued(study: Study, cluster: Cluster, tasks: list[list[int]]) -> None:
    """An array of these rows, all in the queue."""
    ids = [run.run_id for run in study.runs()]
    run_ids = [[ids[row] for row in task] for task in tasks]
    Submissions(study.paths).write(Submission("q-0", "q", time.time(), run_ids, {}, "/code", [], "a:b"))
    cluster.queue += [("q-0", task) for task in range(len(tasks))]


def test_what_is_pending_and_in_no_queue_is_submitted(tmp_path: Path, cluster: Cluster) -> None:
    study = make_study(tmp_path / "a", n=8)
    finish(study, 0)
    assert claim(study.paths.run(study.runs()[1].run_id)) is not None
    record_failure(study, study.runs()[2].run_id, "error", "x")
    queued(study, cluster, [[3], [4]])
    (told,) = submit([study], Profile(models_per_job=2), LaunchOptions())
    assert rows(study, cluster.orders[0].run_ids) == [5, 6, 7]
    assert [rows(study, task) for task in cluster.orders[0].tasks] == [[5, 6], [7]]
    assert (told.runs, told.jobs, told.queued, told.running, told.job_ids) == (3, 2, 2, 1, ["10"])
    # half a second was all that one took
    assert told.device_hours == pytest.approx(3 * 0.5 / 3600)
    submit([study], Profile(), LaunchOptions(retry=("error",)))
    assert rows(study, cluster.orders[1].run_ids) == [2, 5, 6, 7]


def test_a_limit_is_of_all_studies(tmp_path: Path, cluster: Cluster) -> None:
    studies = [make_study(tmp_path / name, n=3, seed=seed) for seed, name in enumerate("abc")]
    told = submit(studies, Profile(), LaunchOptions(limit=4))
    assert [each.runs for each in told] == [3, 1, 0]
    assert len(cluster.orders) == 2
    assert [each.runs for each in preview(studies, Profile(), LaunchOptions(limit=2))] == [2, 0, 0]


def test_what_a_submit_limit_left_is_told(tmp_path: Path, cluster: Cluster) -> None:
    (told,) = submit([make_study(tmp_path / "a", n=6)], Profile(max_jobs=3), LaunchOptions())
    assert told.leftover == 4
    assert told.sentence() == (
        f"{tmp_path}/a: 6 models in 6 jobs, at most 3 at once; 4 of them wait for a submit limit: the jobs take them"
        " when they are through; as job 10"
    )


def test_a_preview_writes_a_script_and_nothing_else(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "installed", lambda: False)
    monkeypatch.setattr(client, "limits", lambda: pytest.fail("no cluster is needed"))
    study = make_study(tmp_path / "a", n=4)
    (told,) = preview([study], Profile(models_per_job=2, timeout_min=17), LaunchOptions())
    assert (told.runs, told.jobs, told.job_ids, cluster.orders) == (4, 2, [], [])
    assert [path.name for path in study.paths.jobs.iterdir() if path.is_file()] == ["preview.sh"]
    assert not (study.paths.jobs / "submissions").exists()
    script = (study.paths.jobs / "preview.sh").read_text()
    assert script == told.script
    assert "#SBATCH --array=0-1%2" in script
    assert "#SBATCH --time=17" in script
    assert f"export PYTHONPATH={study.paths.jobs}/code/COPY" in script


@pytest.mark.parametrize(
    ("grace_s", "asked", "signal"),
    [
        (20, {}, "USR2@120"),  # which leaves 90 s by the job's own clock
        (90, {}, "USR2@134"),
        (90, {"stop_early_s": 200}, "USR2@200"),
        (20, {"timeout_min": 2}, "USR2@40"),
        (None, {"timeout_min": 2}, "USR2@24"),  # a built-in training saves at once
    ],
)
def test_a_job_stops_so_early_that_its_program_can_save(
    tmp_path: Path, cluster: Cluster, grace_s: int | None, asked: dict[str, int], signal: str
) -> None:
    study = make_study(tmp_path / "a", n=2, recipe=grace_s is None)
    if grace_s is not None:
        study.set_recipe(read_recipe({"name": "slow", "command": ["true"], "stop_grace_s": grace_s}))
    (told,) = preview([study], Profile(**asked), LaunchOptions())
    assert f"#SBATCH --signal={signal}\n" in told.script


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"stop_early_s": 100},
            "stop_early_s 100: recipe 'slow' gives its programs stop_grace_s 90; expected at least 134",
        ),
        ({"timeout_min": 2}, "timeout_min 2: recipe 'slow' gives its programs stop_grace_s 90; expected at least 3"),
    ],
)
def test_a_job_too_short_for_its_program_to_save_is_refused(
    tmp_path: Path, cluster: Cluster, asked: dict[str, int], message: str
) -> None:
    study = make_study(tmp_path / "a", n=2, recipe=False)
    study.set_recipe(read_recipe({"name": "slow", "command": ["true"], "stop_grace_s": 90}))
    with pytest.raises(DefinitionError) as refusal:
        submit([study], Profile(**asked), LaunchOptions())
    assert str(refusal.value) == f"launcher: {message}"
    assert cluster.orders == []


def elsewhere(study: Study, row: int, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is claimed by a process of another machine, in that job."""
    holder = Holder("another machine", 1, "1", job)
    with monkeypatch.context() as patch:
        patch.setattr(claims, "this_process", lambda: holder)
        assert claim(study.paths.run(study.runs()[row].run_id)) is not None


def test_claims_of_jobs_that_ended_are_freed_and_submitted(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path / "a", n=4)
    for row, job in ((0, "alpha/5"), (1, "alpha/6"), (2, "beta/5")):
        elsewhere(study, row, job, monkeypatch)
    cluster.live = {"6"}
    submit([study], Profile(), LaunchOptions())
    assert rows(study, cluster.orders[0].run_ids) == [0, 3]
    freed = claims.current(study.paths.run(study.runs()[0].run_id))
    assert freed is not None
    assert freed.is_stale()
    for row in (1, 2):
        kept = claims.current(study.paths.run(study.runs()[row].run_id))
        assert kept is not None
        assert not kept.is_stale()


def test_a_queue_that_does_not_answer_ends_no_job(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path / "a", n=2)
    assert ended_jobs(study, "alpha") is None
    elsewhere(study, 0, "alpha/5", monkeypatch)
    cluster.live = None
    assert ended_jobs(study, "alpha") is None
    cluster.live = set()
    ended = ended_jobs(study, "alpha")
    assert ended is not None
    assert ended(Holder("m", 1, "1", "alpha/5"))
    assert not ended(Holder("m", 1, "1", "alpha/50"))
    assert not ended(Holder("m", 1, "1", "beta/5"))
    assert ended_jobs(study, "beta") is None


def test_two_launches_take_turns(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path / "a", n=2)
    other = claim(RunPaths(study.paths.jobs / "turn"))
    assert other is not None
    monkeypatch.setattr(submitting, "_TURN_S", 0.0)
    with pytest.raises(StudyError, match=r"/a: another launch has been submitting it for 0 min; try again$"):
        submit([study], Profile(), LaunchOptions())
    assert cluster.orders == []
    other.release()
    for count in (1, 2, 3):
        submit([study], Profile(), LaunchOptions())
        assert len(cluster.orders) == count
    assert list((study.paths.jobs / "turn").iterdir()) == []


def test_a_refusal_lets_the_next_launch_have_its_turn(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path / "a", n=2)

    def refuse(arrays: object) -> None:
        raise SlurmError("sbatch: no")

    monkeypatch.setattr(submitting, "_TURN_S", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(Arrays, "submit", refuse)
        with pytest.raises(SlurmError, match=r"^sbatch: no$"):
            submit([study], Profile(), LaunchOptions())
    (told,) = submit([study], Profile(), LaunchOptions())
    assert told.runs == 2


def test_cancelling_names_the_arrays_that_are_queued(tmp_path: Path, cluster: Cluster) -> None:
    study = make_study(tmp_path / "a", n=4)
    assert cancel(study) is None
    queued(study, cluster, [[0], [1, 2]])
    assert cancel(study) == 2
    assert cluster.cancelled == ["q-0"]
    cluster.queue.clear()
    assert cancel(study) == 0


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (Submitted(Path("S"), runs=0, queued=4, running=2), "S: nothing to submit (4 queued, 2 running)"),
        (
            Submitted(Path("S"), runs=500, jobs=125, job_ids=["17", "18"], at_once=64),
            "S: 500 models in 125 jobs, at most 64 at once; as job 17, 18",
        ),
        (
            Submitted(Path("S"), runs=8, jobs=4, device_hours=10.0, at_once=4),
            "S: 8 models in 4 jobs, at most 4 at once; est. 10 device-hours, 2.5 h wall",
        ),
        (
            Submitted(Path("S"), runs=8, jobs=4, device_hours=4960.0, at_once=4),
            "S: 8 models in 4 jobs, at most 4 at once; est. 4,960 device-hours, 1,240 h wall",
        ),
    ],
)
def test_what_became_of_a_study_is_a_sentence(told: Submitted, sentence: str) -> None:
    assert told.sentence() == sentence

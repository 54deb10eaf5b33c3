import json
import os
import time

import pytest

from dsx.base.errors import DsxError
from dsx.base.files import RecordError
from dsx.launch.failures import ALIKE_LIMIT, may_train, record_failure
from dsx.launch.heartbeat import Heartbeat
from dsx.launch.worker import WorkSettings, work
from dsx.study.claims import claim
from dsx.training.faults import Interrupted

from standins import behave, launch_here, make_study, starts, train, trainings


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "a", n=4)


def ids(study):
    return [run.run_id for run in study.runs()]


def whats(outcomes):
    return [outcome.what for outcome in outcomes]


def test_each_run_is_trained_once_with_its_own_architecture_recipe_and_seed(study):
    seen = []

    def spy(architecture, recipe, **options):
        seen.append((architecture.model_id, recipe, options["seed"], options["folder"].name, options["threads"]))
        return train(architecture, recipe, **options)

    assert whats(work(study.path, ids(study), WorkSettings(trainer=spy, threads=1))) == ["done"] * 4
    assert seen == [(run.model_id, study.recipe, run.seed, run.run_id, 1) for run in study.runs()]
    assert whats(work(study.path, ids(study), WorkSettings(trainer=spy))) == ["skipped"] * 4
    assert len(seen) == 4


def test_a_finished_run_keeps_its_result_and_nothing_else(study):
    behave(study, r1="raise")
    work(study.path, ids(study), WorkSettings(trainer=train))
    behave(study)
    work(study.path, ids(study), WorkSettings(trainer=train, retry=["error"]))
    for run_id in ids(study):
        assert os.listdir(study.paths.run(run_id).folder) == ["result.json"]


def test_a_run_held_by_a_living_process_is_left_alone(study):
    claim(study.paths.run(ids(study)[1]))
    assert whats(work(study.path, ids(study), WorkSettings(trainer=train))) == ["done", "held", "done", "done"]


def test_a_failure_is_recorded_with_its_class_and_the_rest_is_trained(study):
    behave(study, r0="raise", r1="oom", r2="diverge")
    assert whats(work(study.path, ids(study), WorkSettings(trainer=train))) == ["failed", "failed", "diverged", "done"]
    found = {failure.run_id: failure for failure in study.failures()}
    assert found[ids(study)[0]].kind == "error"
    assert found[ids(study)[0]].message == "ValueError: the loss went for a walk"
    assert "Traceback" in found[ids(study)[0]].traceback
    assert found[ids(study)[1]].kind == "out_of_memory"
    record = json.loads(study.paths.run(ids(study)[0]).failure.read_text())
    assert set(record) >= {"class", "message", "traceback", "time"}


def test_the_first_of_several_processes_to_fail_says_why(study):
    """The others only see that it is gone; a failure of an earlier training is not the cause of this one's."""
    behave(study, r0="oom")
    first, second = ids(study)[:2]
    work(study.path, [first], WorkSettings(trainer=train))
    behave(study)

    def peer_is_lost(architecture, recipe, **options):
        if options["folder"].name == second:
            record_failure(study, second, "error", "rank 1: RuntimeError: the device has fallen off the bus")
        raise RuntimeError("Connection closed by peer")

    outcomes = work(study.path, [first, second], WorkSettings(trainer=peer_is_lost, retry=["all"]))
    assert [outcome.failure.message for outcome in outcomes] == [
        "RuntimeError: Connection closed by peer",
        "rank 1: RuntimeError: the device has fallen off the bus",
    ]
    found = {failure.run_id: failure for failure in study.failures()}
    assert [found[run_id].attempts for run_id in (first, second)] == [2, 1]
    assert found[second].message == outcomes[1].failure.message


def test_failed_runs_stay_failed_until_their_class_is_named(study):
    behave(study, r0="raise", r1="oom")
    work(study.path, ids(study), WorkSettings(trainer=train))
    behave(study)
    assert whats(work(study.path, ids(study)[:2], WorkSettings(trainer=train))) == ["skipped", "skipped"]
    assert whats(work(study.path, ids(study)[:2], WorkSettings(trainer=train, retry=["out_of_memory"]))) == [
        "skipped",
        "done",
    ]
    assert whats(work(study.path, ids(study)[:2], WorkSettings(trainer=train, retry=["failed"]))) == ["done", "skipped"]


def test_what_fails_the_same_way_three_times_stays_failed_until_named(study):
    behave(study, r0="raise")
    first = ids(study)[0]
    for _ in range(ALIKE_LIMIT):
        assert whats(work(study.path, [first], WorkSettings(trainer=train, retry=["failed"]))) == ["failed"]
    assert whats(work(study.path, [first], WorkSettings(trainer=train, retry=["failed"]))) == ["skipped"]
    (failure,) = study.failures()
    assert (failure.attempts, failure.alike) == (3, 3)
    for word in ("all", "error", first):
        assert may_train(failure, [word])
    behave(study)
    assert whats(work(study.path, [first], WorkSettings(trainer=train, retry=["error"]))) == ["done"]


def test_an_interrupted_retry_is_pending_not_failed(study):
    behave(study, r0="raise")
    first = ids(study)[0]
    work(study.path, [first], WorkSettings(trainer=train))
    behave(study, r0="endless")
    calls = iter([False] * 5 + [True] * 100)
    outcomes = work(study.path, [first], WorkSettings(trainer=train, retry=["error"]), should_stop=lambda: next(calls))
    assert whats(outcomes) == ["interrupted"]
    assert study.states()[first] == "pending"
    behave(study)
    assert whats(work(study.path, [first], WorkSettings(trainer=train))) == ["done"]


def test_an_interrupted_run_resumes_from_its_checkpoint(study):
    first = ids(study)[0]
    folder = study.paths.run(first).folder
    behave(study, r0="slow")
    stop = lambda: (folder / "checkpoint.pt").exists() and (folder / "checkpoint.pt").read_text() >= "2"  # noqa: E731
    assert whats(work(study.path, ids(study), WorkSettings(trainer=train), should_stop=stop)) == ["interrupted"]
    assert study.states()[first] == "pending"
    assert whats(work(study.path, [first], WorkSettings(trainer=train))) == ["done"]
    assert json.loads((folder / "result.json").read_text())["began_at_epoch"] == 2


def test_a_holder_that_is_overtaken_leaves_no_trace(study):
    first = ids(study)[0]
    paths = study.paths.run(first)

    def overtaken(architecture, recipe, **options):
        (paths.folder / "claim.2.json").write_text(paths.claim(1).read_text())
        raise ValueError("too late")

    assert whats(work(study.path, [first], WorkSettings(trainer=overtaken))) == ["held"]
    assert set(os.listdir(paths.folder)) == {"claim.1.json", "claim.2.json"}


def test_a_holder_that_is_overtaken_is_told_to_stop_while_it_trains(study):
    first = ids(study)[0]
    paths = study.paths.run(first)
    heartbeat = Heartbeat(every_s=0.01)

    def until_told(architecture, recipe, *, should_stop, **options):
        assert not should_stop()
        (paths.folder / "claim.2.json").write_text(paths.claim(1).read_text())
        deadline = time.monotonic() + 60
        while not should_stop():
            assert time.monotonic() < deadline, "never told to stop"
            time.sleep(0.005)
        raise Interrupted

    try:
        assert whats(work(study.path, [first], WorkSettings(trainer=until_told), heartbeat=heartbeat)) == [
            "interrupted"
        ]
    finally:
        heartbeat.stop()
    assert set(os.listdir(paths.folder)) == {"claim.1.json", "claim.2.json"}
    assert study.states()[first] == "running"


def test_a_result_that_came_between_look_and_claim_is_not_trained_again(study, monkeypatch):
    from dsx.launch import worker

    first = ids(study)[0]
    real = worker.claims.claim

    def late(paths, **options):
        train(study.runs()[0].architecture, study.recipe, seed=study.runs()[0].seed, folder=make(paths.folder))
        return real(paths, **options)

    def make(folder):
        folder.mkdir(parents=True)
        return folder

    monkeypatch.setattr(worker.claims, "claim", late)
    assert whats(work(study.path, [first], WorkSettings(trainer=train))) == ["skipped"]
    assert trainings(study) == [first]


def test_a_torn_result_is_trained_again(study):
    first = ids(study)[0]
    work(study.path, [first], WorkSettings(trainer=train))
    study.paths.run(first).result.write_bytes(b'{"state": "do')
    assert whats(work(study.path, [first], WorkSettings(trainer=train))) == ["done"]
    assert len(trainings(study)) == 2


def test_a_full_disk_ends_the_worker_and_fails_no_model(study):
    def full(architecture, recipe, **options):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise RuntimeError("PytorchStreamWriter failed writing file") from error

    with pytest.raises(RecordError, match="No space left on device"):
        work(study.path, ids(study), WorkSettings(trainer=full))
    assert study.counts() == {"pending": 4, "running": 0, "done": 0, "diverged": 0, "failed": 0}


def test_a_run_that_is_none_of_the_studys_is_an_error(study):
    with pytest.raises(DsxError, match="has no run nonsense"):
        work(study.path, ["nonsense"], WorkSettings(trainer=train))


def test_a_job_that_vanished_three_times_before_a_checkpoint_is_a_failure(study, monkeypatch):
    first = ids(study)[0]
    for restart in range(3):
        monkeypatch.setenv("SLURM_JOB_ID", "9")
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restart))
        assert claim(study.paths.run(first)) is not None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "3")
    assert whats(work(study.path, [first], WorkSettings(trainer=train))) == ["failed"]
    assert study.failures()[0].message == (
        "the job that trained it died without a word 3 times before an epoch was saved"
    )


def test_retry_words_are_checked_with_near_misses(tmp_path):
    study = make_study(tmp_path / "b", n=1)
    with pytest.raises(DsxError) as caught:
        launch_here(study, retry=("timeuot",))
    assert str(caught.value) == (
        "--retry timeuot: expected failed, all, out_of_memory, timeout, killed, error or a model's id."
        " Did you mean timeout?"
    )
    assert starts(study) == []

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from processes import wait_until

from dsx.base.errors import DsxError
from dsx.launch.debug import DebugLauncher
from dsx.study.study import open_study

from standins import behave, check_complete, launch_here, make_study, starts, trainings

HERE = Path(__file__).parent.parent
LAUNCH = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from standins import launch_here\n"
    "from dsx.study.study import open_study\n"
    "if __name__ == '__main__':\n"
    "    studies = [open_study(path) for path in sys.argv[3:]]\n"
    "    print(launch_here(studies, trainer=f'standins:{sys.argv[2]}', progress=True), flush=True)\n"
)


def spawn(script, *studies, trainer="slow_train", **options):
    """A launch in a process group of its own, as a shell starts it."""
    script.write_text(LAUNCH)
    command = [sys.executable, str(script), str(HERE), trainer, *(str(study.path) for study in studies)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.slow
def test_all_pending_runs_of_all_studies_are_trained_once(tmp_path):
    studies = [make_study(tmp_path / name, n=5, seed=k) for k, name in enumerate("ab")]
    summary = launch_here(studies)
    assert summary.counts == {"done": 10}
    check_complete(*studies)
    again = launch_here([open_study(study.path) for study in studies])
    assert again.counts == {}
    check_complete(*studies)


def test_a_hopeless_launch_stops_early(tmp_path):
    study = make_study(tmp_path / "a", n=20)
    behave(study, **{f"r{row}": "raise" for row in range(20)})
    summary = launch_here(study, workers=1, max_failures=3)
    assert summary.stopped == "more than 3 models failed"
    assert 4 <= study.counts()["failed"] < 12


@pytest.mark.slow
def test_a_limit_trains_so_many_and_no_more(tmp_path):
    study = make_study(tmp_path / "a", n=6)
    launch_here(study, limit=2)
    assert study.counts()["done"] == 2
    launch_here(study, DebugLauncher(), limit=1)
    assert study.counts()["done"] == 3
    launch_here(study, DebugLauncher())
    check_complete(study)


@pytest.mark.slow
def test_two_launches_at_the_same_moment_train_no_model_twice(tmp_path):
    study = make_study(tmp_path / "a", n=12)
    both = [spawn(tmp_path / f"{k}.py", study, stdout=subprocess.PIPE) for k in range(2)]
    for process in both:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, out + err
    check_complete(study)
    assert starts(study) == trainings(study)


@pytest.mark.slow
def test_kill_9_of_the_whole_tree_loses_only_the_epochs_since_the_last_checkpoint(tmp_path):
    study = make_study(tmp_path / "a", n=8)
    behave(study, r3="endless", r4="endless")
    endless = {run.run_id for run in study.runs()[3:5]}
    process = spawn(tmp_path / "l.py", study, stdout=subprocess.DEVNULL)
    wait_until(lambda: {p.parent.name for p in study.paths.models.glob("*/*/checkpoint.pt")} == endless)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: study.counts()["running"] == 0)
    kept = {p.parent.name: int(p.read_text() or 0) for p in study.paths.models.glob("*/*/checkpoint.pt")}
    finished = {path: path.read_bytes() for path in study.paths.models.glob("*/*/result.json")}
    assert finished
    behave(study)
    launch_here(study)
    check_complete(study)
    assert all(path.read_bytes() == content for path, content in finished.items())
    began = {run_id: json.loads(study.paths.run(run_id).result.read_text())["began_at_epoch"] for run_id in endless}
    assert began == kept
    assert not any(study.paths.models.rglob("claim*"))


@pytest.mark.slow
def test_workers_whose_parent_was_killed_save_and_end(tmp_path):
    study = make_study(tmp_path / "a", n=4)
    behave(study, r0="endless", r1="endless")
    process = spawn(tmp_path / "l.py", study, trainer="train", stdout=subprocess.DEVNULL)
    wait_until(lambda: study.counts()["running"] == 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: study.counts()["running"] == 0)
    claims = [json.loads(path.read_text()) for path in study.paths.models.glob("*/*/claim.*.json")]
    assert claims
    assert all(claim["released"] for claim in claims)
    assert study.counts()["failed"] == 0
    wait_until(lambda: not group_members(process.pid))


def group_members(group):
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] not in "ZX":
                members.append(int(entry))
    return members


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_saves_every_model_and_says_how_to_go_on(tmp_path, number):
    study = make_study(tmp_path / "a", n=6)
    behave(study, r1="endless")
    process = spawn(tmp_path / "l.py", study, stdout=subprocess.PIPE)
    wait_until(lambda: len(trainings(study)) >= 2)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, out + err
    assert f"stopped by {signal.Signals(number).name}" in err
    assert "the same command goes on from here" in err
    assert "Traceback" not in err
    counts = study.counts()
    assert counts["running"] == counts["failed"] == 0
    wait_until(lambda: not group_members(process.pid))
    behave(study)
    launch_here(study)
    assert study.counts()["done"] == 6


@pytest.mark.slow
def test_running_models_of_others_are_left_alone(tmp_path):
    from dsx.study.claims import claim

    study = make_study(tmp_path / "a", n=3)
    held = claim(study.paths.run(study.runs()[1].run_id))
    launch_here(study)
    assert Counter(study.states().values()) == {"done": 2, "running": 1}
    held.release()


def test_what_cannot_start_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    bare = make_study(tmp_path / "bare", n=2, recipe=False)
    study = make_study(tmp_path / "a", n=2)
    for arguments, message in (
        ({"studies": []}, "no study given"),
        ({"studies": bare}, "has no recipe yet"),
        ({"studies": study, "device": "cuda"}, "device cuda: this machine shows no CUDA GPU"),
        ({"studies": study, "device": "gpu"}, "expected auto, cpu, cuda, cuda:0 or mps"),
        ({"studies": study, "workers": 0}, "expected an integer ≥ 1"),
    ):
        monkeypatch.setattr("dsx.launch.devices.gpus", list)
        with pytest.raises(DsxError, match=message) as caught:
            launch_here(**arguments)
        assert "\n" not in str(caught.value)
    assert not study.paths.models.exists()


@pytest.mark.slow
def test_a_read_only_folder_is_one_clear_line(tmp_path):
    study = make_study(tmp_path / "a", n=4)
    study.paths.models.write_text("a file where the folder of models should be")
    with pytest.raises(DsxError, match="cannot be written"):
        launch_here(study)


def test_progress_lines_say_what_is_done_failed_and_left(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("dsx.launch.progress.PLAIN_EVERY_S", 0.0)
    study = make_study(tmp_path / "a", n=4)
    behave(study, r1="raise")
    launch_here(study, workers=1, progress=True)
    err = capfd.readouterr().err
    assert "2/4 done, 0 diverged, 1 failed" in err or "1/4 done, 0 diverged, 1 failed" in err
    assert "models/h" in err
    assert "3 done, 1 failed in" in err


@pytest.mark.slow
def test_a_launch_trains_the_models_by_which_a_study_grows_meanwhile(tmp_path):
    study = make_study(tmp_path / "a", n=4)
    behave(study, r0="hold")
    process = spawn(tmp_path / "launch.py", study)
    wait_until(lambda: starts(study))
    grown = make_study(tmp_path / "a", n=7, recipe=False)
    behave(study)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    check_complete(grown)
    assert len(trainings(study)) == 7

"""SLURM's own commands: what they are told, and what is understood of what they print."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dsx.launch.slurm import client
from dsx.launch.slurm.client import ClusterLimits, QueueEntry, SlurmError

Commands = Callable[..., Path]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """commands(squeue="echo 7"): stand-ins in shell. The file that comes back has a line for each call."""
    place, log = tmp_path / "bin", tmp_path / "calls"
    place.mkdir()
    log.touch()
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")

    def write(**scripts: str) -> Path:
        for name, script in scripts.items():
            path = place / name
            path.write_text(f'#!/bin/sh\necho "{name} $*" >>{log}\n{script}\n')
            path.chmod(0o755)
        return log

    return write


def test_runs_are_packed_in_order() -> None:
    assert client.chunks(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]


def test_slurms_words_are_one_line() -> None:
    said = "sbatch: error: invalid partition specified: gpuu\nsbatch: error: Batch job submission failed: Invalid\n"
    assert client.words(said) == "invalid partition specified: gpuu; Batch job submission failed: Invalid"


def test_a_client_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "squeue"
    slow.write_text("#!/bin/sh\nsleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(client.SlurmError, match=r"squeue: no answer in 0\.2 s"):
        client.run("squeue", timeout_s=0.2)
    with pytest.raises(client.SlurmError, match="no-such-command: not found"):
        client.run("no-such-command")


def test_a_job_inside_a_job_inherits_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_CONF", "SBATCH_PARTITION", "RANK"):
        monkeypatch.setenv(name, "x")
    with client.outside_of_jobs():
        assert [name for name in ("SLURM_JOB_ID", "SBATCH_PARTITION", "RANK") if name in os.environ] == []
        assert os.environ["SLURM_CONF"] == "x"
    assert os.environ["RANK"] == "x"


def test_a_refusal_is_told_in_slurms_words(commands: Commands) -> None:
    commands(scancel='echo "scancel: error: Kill job error" >&2; exit 1', scontrol="exit 4")
    with pytest.raises(SlurmError) as caught:
        client.run("scancel", "7")
    assert str(caught.value) == "scancel: Kill job error"
    with pytest.raises(SlurmError) as caught:
        client.run("scontrol", "ping")
    assert str(caught.value) == "scontrol: exit code 4"


def test_a_controller_that_is_away_is_told_with_what_to_do(commands: Commands) -> None:
    commands(squeue='echo "squeue: error: Unable to contact slurm controller (connect failure)" >&2; exit 1')
    with pytest.raises(SlurmError) as caught:
        client.run("squeue")
    assert str(caught.value) == (
        "squeue: Unable to contact slurm controller (connect failure) (no cluster answers here: go to its login node,"
        " set SLURM_CONF, or wait; `dsx doctor --on slurm` looks)"
    )


def test_slurm_is_installed_where_its_commands_are(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert not client.installed()
    commands(scontrol="true")
    assert client.installed()


CONFIG = "echo 'Configuration data as of now'; echo 'ClusterName             = alpha'; echo 'MaxArraySize = 501'"


@pytest.mark.parametrize(
    ("accounting", "free"),
    [("echo '20|'; echo '|5'", 3), ("echo '|'", None), ("exit 1", None), ("echo '1|9'", 0)],
    ids=["the lower of two limits", "no limit", "no accounting", "no room left"],
)
def test_limits_are_of_the_cluster_and_of_the_user(commands: Commands, accounting: str, free: int | None) -> None:
    """Two jobs of the user are in the queue; an array may have indices below MaxArraySize."""
    log = commands(scontrol=CONFIG, sacctmgr=accounting, squeue="echo 7_0; echo 7_1")
    assert client.limits() == ClusterLimits("alpha", 500, free)
    assert f"user={getpass.getuser()}" in log.read_text()


def test_without_a_word_of_the_cluster_arrays_have_slurms_own_limit(commands: Commands) -> None:
    commands(scontrol="true", sacctmgr="true")
    assert client.limits() == ClusterLimits("", 1000, None)


def test_the_queue_is_read_by_job_and_task(commands: Commands) -> None:
    lines = ("a|0|7_0|RUNNING|None", "a|12|7_12|PENDING|Resources, or | so", "b|N/A|9|PENDING|Priority")
    log = commands(squeue="\n".join(f"echo '{line}'" for line in lines))
    assert client.queue(["a", "b"]) == {
        ("a", 0): QueueEntry("a", 0, "7_0", "RUNNING", "None"),
        ("a", 12): QueueEntry("a", 12, "7_12", "PENDING", "Resources, or | so"),
        ("b", 0): QueueEntry("b", 0, "9", "PENDING", "Priority"),
    }
    assert log.read_text().splitlines() == ["squeue -h -r --name=a,b -o %j|%K|%i|%T|%r"]


def test_many_names_are_asked_for_in_parts(commands: Commands) -> None:
    log = commands(squeue="true")
    assert client.queue([f"n{i}" for i in range(1001)]) == {}
    asked = [line.partition("--name=")[2].split()[0].split(",") for line in log.read_text().splitlines()]
    assert [len(names) for names in asked] == [500, 500, 1]
    assert [name for names in asked for name in names] == [f"n{i}" for i in range(1001)]


def test_jobs_that_live_are_told_from_those_that_ended_and_from_silence(commands: Commands) -> None:
    log = commands(squeue="echo 8; echo 9")
    assert client.live_jobs({"9", "7", "8"}) == {"8", "9"}
    assert "-j 7,8,9" in log.read_text()
    commands(squeue='echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1')
    assert client.live_jobs({"7"}) == set()
    commands(squeue='echo "squeue: error: Socket timed out" >&2; exit 1')
    assert client.live_jobs({"7"}) is None


def test_accounting_gives_the_last_state_of_each_job(commands: Commands) -> None:
    commands(sacct="echo '7_0|COMPLETED'; echo '7_1|CANCELLED by 0'; echo; echo '8|NODE_FAIL'")
    assert client.accounting(["7", "8"]) == {"7_0": "COMPLETED", "7_1": "CANCELLED", "8": "NODE_FAIL"}
    commands(sacct="exit 1")
    assert client.accounting(["7"]) is None
    assert client.accounting([]) == {}


def test_cancelling_and_requeueing_name_the_jobs(commands: Commands) -> None:
    log = commands(scancel="true", scontrol="true")
    client.cancel(["a", "b"])
    client.requeue("7_3")
    user = getpass.getuser()
    assert log.read_text().splitlines() == [
        f"scancel --name=a --user={user}",
        f"scancel --name=b --user={user}",
        "scontrol requeue 7_3",
    ]

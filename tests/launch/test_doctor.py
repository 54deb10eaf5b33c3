import os
import shutil
import subprocess
import time

import pytest

from dsx.launch import doctor
from dsx.launch.doctor import Finding, examine


def test_a_healthy_machine_is_ok_on_every_line(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.client, "installed", lambda: False)
    findings = list(examine(folder=tmp_path))
    assert [f.what for f in findings] == [
        "dsx",
        "python",
        "packages",
        "cores",
        "GPUs",
        "folder",
        "temporary files",
        "shared memory",
        "open files",
        "workers",
        "data sets",
    ]
    assert all(finding.ok for finding in findings)
    assert "torch" in findings[2].seen
    assert os.listdir(tmp_path) == []


def test_what_is_wrong_comes_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {f.what: f for f in examine(slurm=True, folder=tmp_path / "nowhere")}
    assert not findings["folder"].ok
    assert "No such file or directory" in findings["folder"].seen
    assert not findings["slurm"].ok
    assert "scontrol: not found" in findings["slurm"].line()
    assert "partitions" not in findings


def test_a_tmpdir_too_long_for_sockets_is_said(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", None)
    findings = {f.what: f for f in doctor.here(tmp_path)}
    assert findings["temporary files"] == Finding(
        "temporary files", f"{deep}; sockets in /tmp, as its path is too long for them"
    )


def test_lines_are_aligned_and_say_ok_or_what_to_do():
    assert Finding("cores", "2").line() == "ok    cores            2"
    assert Finding("cores", "0", False, "buy one").line() == "CHECK cores            0 → buy one"


def test_a_cluster_that_nobody_asked_for_is_only_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.client, "installed", lambda: True)
    monkeypatch.setattr(doctor, "here", lambda folder: iter(()))
    monkeypatch.setenv("PATH", str(tmp_path))
    for slurm, opening in ((False, "note  slurm"), (True, "CHECK slurm")):
        (finding,) = examine(slurm=slurm, folder=tmp_path)
        assert (finding.ok, finding.asked) == (False, slurm)
        assert finding.line().startswith(opening)


@pytest.mark.parametrize(("late", "shown"), [(2, "ok    clocks           apart by at most 0."), (3, "CHECK clocks")])
@pytest.mark.parametrize("whose", ["node", "ours"])
def test_a_process_that_was_held_up_does_not_set_clocks_apart(tmp_path, monkeypatch, whose, late, shown):
    """Of three looks at a clock, so many are a minute old when they are written."""
    now, past = time.time, iter([60] * late if whose == "ours" else [])
    monkeypatch.setattr(doctor.time, "time", lambda: now() - next(past, 0))
    date = tmp_path / "date"
    date.write_text(f"""#!/bin/sh
        echo >> {tmp_path}/looks
        [ {whose} = node ] && [ $(grep -c "" {tmp_path}/looks) -le {late} ] && set -- "$@" -d "60 seconds ago"
        exec {shutil.which("date")} "$@"
    """)
    date.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(doctor, "controller", lambda: iter(()))
    monkeypatch.setattr(doctor.client, "run", lambda *words: subprocess.run(["sh", words[-1]], check=True) and "7")
    monkeypatch.setattr(doctor.client, "live_jobs", lambda _: set())
    folder, clocks = doctor.cluster(tmp_path, lambda _: None)
    assert folder.line().startswith(f"ok    shared folder    {tmp_path} is seen from node ")
    assert clocks.line().startswith(shown)

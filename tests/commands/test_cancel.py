"""`dsx cancel`: every launcher is asked for the jobs of every study."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.commands.cancel import Cancelled, cancel
from dsx.launch import registry

from command_line import Command


def test_jobs_are_counted_in_words():
    assert Cancelled(Path("runs/A"), 1).sentence() == "runs/A: 1 job cancelled"
    assert Cancelled(Path("runs/A"), 6).sentence() == "runs/A: 6 jobs cancelled"


def test_a_study_that_no_cluster_knows_is_told_how_its_launch_ends(dsx: Command):
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", "S")
    done = dsx("cancel", "S")
    assert done.code == 0
    assert done.out == "S: no jobs on a cluster; a local launch ends with Ctrl-C\n"


def test_jobs_of_several_launchers_add_up(dsx: Command, monkeypatch: pytest.MonkeyPatch):
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", "S")
    jobs = {"one": 2, "two": None, "three": 3}

    class Of:
        def __init__(self, kind: str) -> None:
            self.kind = kind

        def cancel(self, study: object) -> int | None:
            return jobs[self.kind]

    monkeypatch.setattr(registry, "kinds", lambda: list(jobs))
    monkeypatch.setattr(registry, "launcher_class", Of)
    assert [(str(each.study), each.jobs) for each in cancel(["S"])] == [("S", 5)]

"""`dsx doctor`: each line is ok or says what to do, and the exit code is that of the worst."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.commands import doctor as command
from dsx.commands.doctor import doctor
from dsx.launch.doctor import Finding

from command_line import Command


def test_only_known_places_are_looked_at():
    with pytest.raises(DsxError) as refusal:
        doctor("slurn")
    assert str(refusal.value) == "--on slurn: expected local or slurm"


@pytest.mark.parametrize(("on", "slurm"), [("local", False), ("slurm", True)])
def test_the_cluster_is_asked_only_where_it_is_named(on, slurm, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(command, "examine", lambda **options: asked.append(options) or iter(()))
    assert list(doctor(on, tmp_path)) == []
    assert asked == [{"slurm": slurm, "folder": tmp_path}]


@pytest.mark.parametrize(("good", "asked", "code"), [(True, True, 0), (False, True, 2), (False, False, 0)])
def test_a_finding_that_is_not_ok_ends_with_code_two_if_it_was_asked_for(dsx: Command, monkeypatch, good, asked, code):
    findings = [Finding("first", "well"), Finding("second", "somehow", good, "" if good else "do this", asked)]
    monkeypatch.setattr(command, "examine", lambda **_: iter(findings))
    done = dsx("doctor")
    assert done.code == code
    assert [line for finding in findings if (line := finding.line()) not in done.out] == []
    assert ("do this" in done.out) is not good

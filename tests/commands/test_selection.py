"""Which studies a command means."""

from __future__ import annotations

import pytest

from dsx.base.errors import StudyError
from dsx.commands.selection import chosen, remember

from command_line import Command


@pytest.fixture
def two(dsx: Command) -> Command:
    for name in ("A", "B"):
        dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", f"runs/{name}")
    return dsx


@pytest.mark.slow
def test_a_folder_of_studies_stands_for_all_of_them(two):
    assert [str(study.path) for study in chosen(["runs"])] == ["runs/A", "runs/B"]


@pytest.mark.slow
def test_without_a_name_the_last_ones_are_taken_and_told(two):
    assert [str(study.path) for study in chosen([])] == ["runs/B"]
    for command in (
        ["status"],
        ["cancel"],
        ["analyze", "--figures", "none"],
        ["launch", "--recipe", "digits", "--dry-run"],
    ):
        assert two(*command).out.startswith("studies: runs/B\n")
    remember(chosen(["runs"]))
    assert [str(study.path) for study in chosen([])] == ["runs/A", "runs/B"]


def test_a_study_named_twice_is_refused(two, tmp_path):
    with pytest.raises(StudyError) as refusal:
        chosen(["runs", "runs/A"])
    assert str(refusal.value) == f"{tmp_path / 'runs/A'}: named twice: name each study once"


def test_where_nothing_was_written_a_name_is_asked_for(dsx, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as refusal:
        chosen([])
    told = "no study named, and none under ./runs that the last `dsx sample` or `dsx run` wrote"
    assert str(refusal.value) == told

"""Decisions are kept in order, taken again as they stand, and a foreign folder is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.designing.journal import Journal


def never() -> dict:
    raise AssertionError("decided again")


def test_a_decision_is_made_once_and_taken_as_it_stands_ever_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "decisions")
    assert journal.peek() is None
    assert journal.take("round", lambda: {"models": 24}) == {"kind": "round", "models": 24}
    again = Journal(tmp_path / "decisions")
    assert len(again) == 1
    assert again.peek() == {"kind": "round", "models": 24}
    assert again.take("round", never)["models"] == 24
    again.add("by hand", {"candidate": 2})
    assert [record["kind"] for record in Journal(tmp_path / "decisions").records] == ["round", "by hand"]
    again.rewind()
    assert again.take("round", never)["models"] == 24


def test_one_in_memory_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal.in_memory([{"kind": "round", "models": 24}])
    journal.take("round", never)
    journal.take("proposal", lambda: {"candidates": []})
    assert len(journal) == 2
    assert not list(tmp_path.iterdir())


def test_a_record_of_another_kind_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add("round", {})
    journal.rewind()
    with pytest.raises(DsxError) as told:
        journal.take("proposal", never)
    assert str(told.value) == (
        f"{tmp_path}/0001.json: expected a record of kind proposal, found round: written by another version of dsx, or"
        " not of this walk; choose another folder with --out"
    )


def test_a_torn_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "0001.json").write_text('{"kind": "rou')
    with pytest.raises(DsxError, match=r"0001\.json.*restore it from a copy, or begin again in another folder"):
        Journal(tmp_path)

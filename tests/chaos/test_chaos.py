"""The chaos in small, so that it stays runnable: what it counts is clean, and what is not clean is counted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from damage import _try, damaged, damaged_files
from kills import foreign_workers, local_launches
from tally import Tally, table

from dsx.base.errors import DsxError


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    tallies = damaged_files(60, tmp_path / "files", seed=5)
    assert sum(tally.trials for tally in tallies) == 60
    assert [tally.remarks for tally in tallies if not tally.clean] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", [local_launches, foreign_workers])
def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path, part) -> None:
    tally = part(3, tmp_path, seed=6)
    assert (tally.trials, tally.clean) == (3, True), tally


def test_damage_is_a_function_of_its_seed_and_never_raises() -> None:
    content = b"name: a\nvalue: 3\n" * 5
    made = [[damaged(content, random.Random(seed), text=True) for seed in range(200)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 150


def test_a_traceback_and_a_message_of_several_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\n")

    def fails(_path: Path) -> None:
        raise KeyError("name")

    def refuses(_path: Path) -> None:
        raise DsxError("one\ntwo")

    tally = Tally("part")
    for read in (fails, refuses, Path.read_text):
        _try(read, path, tally)
    assert (tally.trials, tally.tracebacks, len(tally.remarks)) == (3, 1, 2)
    assert not tally.clean
    assert table([tally]).splitlines()[-1] == "| part | 3 | – | – | – | – | 1 | 0 |"

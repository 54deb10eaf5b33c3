"""The chaos in small, so that it stays runnable: what it counts is clean, and what is not clean is counted."""

from __future__ import annotations

import random
import subprocess
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from damage import _try, damaged, damaged_files
from kills import all_ended, foreign_workers, local_launches, marked, tracebacks
from tally import Ledger, Tally, sums, table

from dsx.base.errors import DsxError


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    tallies = damaged_files(60, tmp_path / "files", seed=5)
    assert sum(tally.trials for tally in tallies) == 60
    assert [tally.remarks for tally in tallies if not tally.clean] == []


@pytest.mark.slow
@pytest.mark.parametrize(("part", "models"), [(local_launches, 24), (foreign_workers, 32)])
def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path, part, models: int) -> None:
    (tally,) = sums(part(3, tmp_path, first=6, models=models))
    # a study may be over before its third kill: then there is another one
    assert (tally.trials, tally.models % models, tally.clean) == (3, 0, True), tally


def test_what_was_orphaned_is_waited_for_and_what_never_ends_is_told(tmp_path: Path) -> None:
    """A shell that ends at once leaves a program at work."""

    def orphan(gate: str) -> None:
        waiting = f"while [ ! -e {tmp_path}/{gate} ]; do sleep 0.05; done; sleep 0.5; touch {tmp_path}/late"
        subprocess.run(["sh", "-c", f"({waiting}) &"], env=marked(tmp_path), check=True)

    orphan("go")
    assert all_ended(tmp_path / "elsewhere")
    assert not (tmp_path / "late").exists()
    (tmp_path / "go").touch()
    assert all_ended(tmp_path)
    assert (tmp_path / "late").exists()
    orphan("never")
    assert not all_ended(tmp_path, patience_s=0.2)
    assert all_ended(tmp_path)


def test_an_interrupted_run_keeps_what_it_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "tallies.jsonl")
    ledger.add("local", Tally("kills", trials=3, models=4, seconds=1.5, remarks=["one"]))
    ledger.add("slurm", Tally("faults", trials=1, models=16, lost=1))
    ledger.add("local", Tally("kills", trials=2, models=4, hangs=1, seconds=2.0, remarks=["two"]))
    again = Ledger(tmp_path / "tallies.jsonl")
    assert [tally.trials for tally in again.of("local")] == [3, 2]
    assert again.totals() == [
        Tally("kills", trials=5, models=8, hangs=1, seconds=3.5, remarks=["one", "two"]),
        Tally("faults", trials=1, models=16, lost=1),
    ]


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


def test_tracebacks_are_counted_but_not_those_of_a_resource_tracker_that_was_killed() -> None:
    head, tracker = "Traceback (most recent call last):\n", resource_tracker.__file__
    ours = head + '  File "/dsx/cli.py", line 3, in main\n    go()\nKeyError: 3\n'
    pythons = head + f"  File \"{tracker}\", line 239, in main\n    cache[rtype].remove(name)\nKeyError: '/mp-8'\n"
    within = head + f'  File "/dsx/cli.py", line 3, in main\n  File "{tracker}", line 239, in main\nKeyError: 3\n'
    assert [tracebacks(said) for said in ("", ours, pythons, within, "a warning\n" + ours + pythons + ours)] == [
        0,
        1,
        0,
        1,
        2,
    ]

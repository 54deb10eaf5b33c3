import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import dsx
from dsx.base.files import write_json
from dsx.study import finished
from dsx.study.finished import read_cache, read_finished
from dsx.study.study import Study, open_study

from standins import make_study


def record(run, **changes):
    """A result as a trainer writes it, in bytes; None leaves a field out."""
    whole = {
        "state": "done",
        "model_id": run.model_id,
        "error": 12.5,
        "best_error": 11.0,
        "epochs": 10,
        "curve": [{"epoch": epoch, "error": 20.0 - epoch} for epoch in range(1, 11)],
        "seconds": 3.25,
        "images_per_second": 1000.0,
        "peak_memory_bytes": 10**9,
    }
    return json.dumps({k: v for k, v in (whole | changes).items() if v is not None}).encode() + b"\n"


def put(study, run, content):
    path = study.paths.run(run.run_id).result
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


ODD = {
    "empty": lambda run: b"",
    "blank": lambda run: b"\n\n",
    "cut short": lambda run: record(run)[:150],
    "cut inside the curve": lambda run: record(run)[: record(run).index(b"[") + 1],
    "no end of line": lambda run: record(run).rstrip(),
    "zeros at the end": lambda run: record(run) + b"\0" * 40,
    "zeros instead": lambda run: b"\0" * len(record(run)),
    "twice": lambda run: record(run) * 2,
    "something after it": lambda run: record(run) + b"}",
    "over several lines": lambda run: json.dumps(json.loads(record(run)), indent=1).encode(),
    "not text": lambda run: b"\xff\xfe" + record(run),
    "a list": lambda run: b"[" + record(run).strip() + b"]",
    "of another model": lambda run: record(run, model_id="f" * 16),
    "of no model": lambda run: record(run, model_id=None),
    "no state": lambda run: record(run, state=None),
    "another state": lambda run: record(run, state="running"),
    "no error": lambda run: record(run, error=None),
    "error not a number": lambda run: record(run, error=float("nan")),
    "error infinite": lambda run: record(run, error=float("inf")),
    "error in words": lambda run: record(run, error="12.5"),
    "error an integer": lambda run: record(run, error=12),
    "error with 17 digits": lambda run: record(run, error=0.1 + 0.2),
    "epochs a fraction": lambda run: record(run, epochs=10.0),
    "nothing but the error": lambda run: json.dumps({"model_id": run.model_id, "state": "done", "error": 1}).encode(),
    "two errors": lambda run: record(run).replace(b'"error"', b'"error": 3.0, "error"', 1),
    "longer than a block": lambda run: record(run, note="x" * (finished._BLOCK_BYTES + 1)),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("at", [0, 2, 5])
def test_records_read_together_give_what_each_gives_alone(tmp_path, monkeypatch, odd, at):
    study = make_study(tmp_path / "a", n=6)
    for row, run in enumerate(study.runs()):
        put(study, run, ODD[odd](run) if row == at else record(run, error=float(row)))
    together = read_finished(study.paths, study.runs(), {})
    monkeypatch.setattr(finished, "_parse_together", lambda unread: None)
    alone = read_finished(study.paths, study.runs(), {})
    assert repr(together) == repr(alone)  # NaN is not equal to itself
    rows, problems, fresh = together
    assert fresh == 6
    assert len(rows) + len(problems) == 6
    assert all(rows[run.run_id].error == row for row, run in enumerate(study.runs()) if row != at)


def test_an_empty_record_and_a_double_one_do_not_make_up_for_each_other(tmp_path):
    study = make_study(tmp_path / "a", n=6)
    first, second, *others = study.runs()
    put(study, first, record(first) + record(second))
    put(study, second, b"")
    for run in others:
        put(study, run, record(run))
    rows, problems, _ = read_finished(study.paths, study.runs(), {})
    assert set(rows) == {run.run_id for run in others}
    assert set(problems) == {first.run_id, second.run_id}


def test_what_was_read_is_kept_to_the_last_digit(tmp_path):
    study = make_study(tmp_path / "a", n=6)
    errors = [1 / 3, 0.1 + 0.2, 1e-300, 99.99999999999999, 0.0, 5e-324]
    for run, error in zip(study.runs(), errors, strict=True):
        put(study, run, record(run, error=error, best_error=None if error == 0 else error, peak_memory_bytes=None))
    rows, _, _ = read_finished(study.paths, study.runs(), {})
    assert [rows[run.run_id].error for run in study.runs()] == errors
    study.results()
    assert repr(read_cache(study.paths.results)) == repr(rows)


def test_only_changed_records_are_read_again(tmp_path, monkeypatch):
    study = make_study(tmp_path / "a", n=6)
    for run in study.runs():
        put(study, run, record(run))
    study.results()
    read = reads(monkeypatch)
    assert (study.results()["error"] == 12.5).all()
    assert read == []
    changed, torn, gone, touched, _, swapped = study.runs()
    write_json(study.paths.run(changed.run_id).result, json.loads(record(changed, error=1.0)))
    put(study, torn, record(torn)[:99])
    study.paths.run(gone.run_id).result.unlink()
    os.utime(study.paths.run(touched.run_id).result, ns=(0, 10**9))
    same_time = study.paths.run(swapped.run_id).result.stat().st_mtime_ns
    write_json(study.paths.run(swapped.run_id).result, json.loads(record(swapped, error=13.5)))
    os.utime(study.paths.run(swapped.run_id).result, ns=(0, same_time))
    table = study.results()
    assert set(read) == {run.run_id for run in (changed, torn, gone, touched, swapped)}
    assert table["state"].tolist() == ["done", "pending", "pending", "done", "done", "done"]
    assert table["error"].tolist()[0::3] == [1.0, 12.5]
    assert table["error"].tolist()[5] == 13.5


def reads(monkeypatch):
    """The run ids whose records are opened from now on."""
    seen = []
    load = finished._load
    monkeypatch.setattr(finished, "_load", lambda run, path: seen.append(run.run_id) or load(run, path))
    return seen


N = 20_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A study of many models of the paper's widest space, all trained; with the errors written."""
    space = dsx.load_space("AnyNetXA")
    drawn = dsx.sample(space, n=N, flops=(0, 4e8))
    study = Study.create(tmp_path_factory.mktemp("large") / "wide", drawn, space.to_dict(), {"n": N}, 0)
    errors = np.random.default_rng(0).uniform(20, 80, N)
    for run, error in zip(study.runs(), errors, strict=True):
        put(study, run, record(run, state="diverged" if run.row % 1000 == 0 else "done", error=error))
    return study.path, errors


@pytest.mark.slow
def test_of_many_models_each_is_accounted_for(large, monkeypatch):
    path, errors = large
    study = open_study(path)
    table = study.results()
    assert table["error"].tolist() == errors.tolist()
    assert table["model_id"].tolist() == study.population.model_ids
    assert open_study(path).counts() == {"pending": 0, "running": 0, "done": N - 20, "diverged": 20, "failed": 0}
    read = reads(monkeypatch)
    assert open_study(path).results()["error"].tolist() == errors.tolist()
    assert read == []


@pytest.mark.slow
def test_what_changes_among_many_models_is_found(large, monkeypatch):
    path, errors = large
    study = open_study(path)
    before = study.results()
    runs = study.runs()
    torn, gone, changed = runs[1::500], runs[2::500], runs[3::500]
    for run in torn:
        put(study, run, record(run)[:200])
    for run in gone:
        study.paths.run(run.run_id).result.unlink()
    for run in changed:
        put(study, run, record(run, error=19.0))
    read = reads(monkeypatch)
    table = open_study(path).results()
    assert set(read) == {run.run_id for run in (*torn, *gone, *changed)}
    expected = errors.copy()
    expected[1::500] = expected[2::500] = np.nan
    expected[3::500] = 19.0
    np.testing.assert_array_equal(table["error"], expected)
    assert (table["state"] == "pending").sum() == 2 * N // 500
    command = [sys.executable, "-m", "dsx", "status", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{N - 20 - 80} done  20 diverged  0 failed  0 running  80 pending" in printed
    assert printed.count("torn or not JSON") == len(torn)
    for run, error in zip(runs, before["error"], strict=True):  # as it was, for the other tests
        if run.row % 500 in (1, 2, 3):
            put(study, run, record(run, error=error))
    assert dataclasses.asdict(open_study(path).scan())["problems"] == []


DOUBTS = {
    "deleted": lambda path, older: path.unlink(),
    "torn": lambda path, older: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path, older: path.write_bytes(b""),
    "older": lambda path, older: path.write_bytes(older),
    "of another clock": lambda path, older: os.utime(path, ns=(0, 2 * 10**18)),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_whatever_became_of_the_table_the_records_decide(tmp_path, doubt):
    """A record that came after the table, and one that went: nothing is lost or trained twice."""
    study = make_study(tmp_path / "a", n=6)
    first, second, third, *others = study.runs()
    put(study, first, record(first))
    study.results()
    older = study.paths.results.read_bytes()
    for run in (second, third):
        put(study, run, record(run))
    study.results()
    put(study, others[0], record(others[0]))  # by a worker that was killed right after
    study.paths.run(second.run_id).result.unlink()
    os.utime(study.paths.run(third.run_id).result, ns=(0, 2 * 10**18))  # by a clock that is decades ahead
    DOUBTS[doubt](study.paths.results, older)
    done = {first.run_id, third.run_id, others[0].run_id}
    for _ in range(2):
        states = open_study(study.path).states()
        assert {run_id for run_id, state in states.items() if state == "done"} == done
        assert open_study(study.path).results()["state"].tolist() == list(states.values())


def test_a_study_that_was_copied_is_read_anew(tmp_path, monkeypatch):
    study = make_study(tmp_path / "a", n=6)
    for run in study.runs():
        put(study, run, record(run))
    study.results()
    shutil.copytree(study.path, tmp_path / "b")
    for run in study.runs():  # with the times of the original, as `cp -a` does
        shutil.copystat(
            study.paths.run(run.run_id).result, tmp_path / "b" / "models" / run.run_id[:2] / run.run_id / "result.json"
        )
    read = reads(monkeypatch)
    copy = open_study(tmp_path / "b")
    assert copy.counts()["done"] == 6
    assert set(read) == set(copy.runs().ids)


def test_tables_written_at_the_same_time_by_several_are_whole(tmp_path):
    study = make_study(tmp_path / "a", n=12)
    errors = []

    def look():
        for _ in range(5):
            try:
                errors.append(int(open_study(study.path).results()["error"].notna().sum()))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for run in study.runs():
        write_json(study.paths.run(run.run_id).result, json.loads(record(run)))
    for thread in threads:
        thread.join()
    assert all(isinstance(count, int) and 0 <= count <= 12 for count in errors)
    assert open_study(study.path).counts()["done"] == 12
    assert len(read_cache(study.paths.results)) <= 12
    assert open_study(study.path).results()["error"].notna().all()


def test_a_record_with_a_broken_letter_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=2)
    for run in study.runs():
        write_json(study.paths.run(run.run_id).result, {"model_id": run.model_id, "state": "done", "error": 5.0})
    first = study.paths.run(study.runs()[0].run_id).result
    first.write_bytes(first.read_bytes().replace(b"done", b"d\xd4ne"))
    scan = study.scan()
    assert list(scan.states.values()) == ["pending", "done"]
    assert scan.problems == [f"{first}: torn or not JSON; treated as absent"]


def test_a_table_with_a_broken_name_is_an_empty_cache(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=2)
    run = study.runs()[0]
    write_json(study.paths.run(run.run_id).result, {"model_id": run.model_id, "state": "done", "error": 5.0})
    study.results()
    whole = study.paths.results.read_bytes()
    study.paths.results.write_bytes(whole.replace(b"run_id", b"r\x95n_id"))
    assert read_cache(study.paths.results) == {}
    assert study.results()["error"].tolist()[0] == 5.0

"""The main job from end to end, on real handwritten digits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from processes import end

from dsx.base.errors import StudyError
from dsx.commands.config import load_experiment
from dsx.commands.run import sample_experiment
from dsx.study.claims import claim
from dsx.study.study import open_study

from command_line import Command

pytestmark = pytest.mark.slow

SPACES = ["AnyNetXD-digits", "AnyNetXC-equal-widths-digits", "AnyNetXC-decreasing-widths-digits"]
SMALL = ["n=3", "recipe.epochs=2", "analysis.figures=main"]


def outcomes(folder: Path) -> dict[str, tuple[str, float, list[Any]]]:
    """run → state, error and losses per epoch: what must be equal to the bit."""
    found = {}
    for space in SPACES:
        for path in sorted((folder / "runs" / "quickstart" / space / "models").rglob("result.json")):
            record = json.loads(path.read_text())
            curve = [(epoch["train_loss"], epoch["error"]) for epoch in record["curve"]]
            found[f"{space}/{record['model_id']}"] = (record["state"], record["error"], curve)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder and output of a small quickstart."""
    folder = tmp_path_factory.mktemp("undisturbed")
    command = [sys.executable, "-m", "dsx", "run", "quickstart", *SMALL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_quickstart_trains_all_models_and_compares_the_spaces(undisturbed: tuple[Path, str]) -> None:
    folder, out = undisturbed
    assert len(outcomes(folder)) == 9
    analysis = folder / "runs" / "quickstart" / "analysis"
    summary = pd.read_csv(analysis / "summary.csv")
    assert summary["study"].tolist() == SPACES
    assert (summary["done"] == 3).all()
    for row, space in zip(summary.to_dict("records"), SPACES, strict=True):
        errors = open_study(folder / "runs" / "quickstart" / space).results()["error"]
        assert row["mean_error"] == pytest.approx(errors.mean())
        assert row["min_error"] == errors.min()
    assert len(pd.read_csv(analysis / "comparison.csv")) == 3
    differences = [f"edf_difference_{a}_{b}" for i, a in enumerate(SPACES) for b in SPACES[i + 1 :]]
    figures = ["edf", "random_search", *differences]
    for name in [*(f"{figure}.{kind}" for figure in figures for kind in ("png", "pdf")), "report.html"]:
        assert (analysis / name).stat().st_size > 5000
    assert all(space in out for space in SPACES)
    made, drawn = (len(list(analysis.glob(pattern))) for pattern in ("*.csv", "*.png"))
    assert f"report.html, {made} tables (CSV), {drawn} figures (PNG and PDF)" in out
    assert "3 and 3 models cannot decide between" in out
    assert "decided: 0 of 3 pairs at any look, 0 if this is the only look" in out


@pytest.mark.usefixtures("undrawn")
def test_running_it_again_trains_nothing(
    undisturbed: tuple[Path, str], dsx: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = undisturbed
    records = {p: p.stat().st_mtime_ns for p in folder.rglob("result.json")}
    monkeypatch.chdir(folder)
    done = dsx("run", "quickstart", *SMALL)
    assert done.code == 0, done.err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("result.json")} == records


def test_killed_and_started_again_it_ends_the_same(undisturbed: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = undisturbed
    command = [sys.executable, "-m", "dsx", "run", "quickstart", *SMALL, "analysis.figures=none"]
    moments = random.Random(os.getpid())  # any moment must do; the seed is in the message of a failure
    for attempt in range(3):
        process = subprocess.Popen(
            command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(3, 9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _kill_session(process.pid)
        trained = len(list(tmp_path.rglob("result.json")))
        print(f"killed, attempt {attempt}, {trained} models were done")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert outcomes(tmp_path) == outcomes(folder), f"seed {os.getpid()}"
    for space in SPACES:
        ours, theirs = (open_study(f / "runs" / "quickstart" / space) for f in (tmp_path, folder))
        assert ours.population.table.equals(theirs.population.table)
        assert ours.counts() == {"pending": 0, "running": 0, "done": 3, "diverged": 0, "failed": 0}


def _kill_session(leader: int) -> None:
    """End what is left of a session whose workers made process groups of their own."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            except (OSError, IndexError):
                continue
            if session == leader:
                end(int(entry.name))


def test_a_larger_n_makes_the_studies_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    small = sample_experiment(load_experiment("quickstart", ["n=2"]), said.append)
    for study in small:
        held = claim(study.paths.run(study.runs()[0].run_id))
        assert held is not None
        held.release()
    said.clear()
    large = sample_experiment(load_experiment("quickstart", ["n=4"]), said.append)
    for before, after in zip(small, large, strict=True):
        assert after.population.model_ids[:2] == before.population.model_ids
        assert len(after.population) == 4
    assert said == [f"runs/quickstart/{name} grew from 2 to 4 models; what is trained stays" for name in SPACES]
    with pytest.raises(StudyError, match="n: 4 → 3"):
        sample_experiment(load_experiment("quickstart", ["n=3"]), said.append)


def test_a_fault_in_the_experiment_writes_nothing(dsx: Command, tmp_path: Path) -> None:
    done = dsx("run", "quickstart", "spaces=[AnyNetXA-digits,AnyNetXQ]")
    assert done.code == 2
    assert done.err.startswith("dsx: unknown space 'AnyNetXQ'. Did you mean AnyNetX")
    done = dsx("run", "quickstart", "nn=3")
    assert done.code == 2
    assert "unknown key 'nn'" in done.err
    assert list(tmp_path.iterdir()) == []

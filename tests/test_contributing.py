"""What CONTRIBUTING names is there, and two of its lists, followed to the letter, add what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
from packages import add_package

from dsx.commands.sample import SampleRequest, sample

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands below a heading, up to the next one."""
    start = CONTRIBUTING.index(f"### {heading}")
    return CONTRIBUTING[start : CONTRIBUTING.find("\n### ", start + 1)]


def code(heading: str, language: str) -> str:
    """The one block of code of that language below a heading."""
    (block,) = re.findall(rf"^( *)```{language}\n(.*?)^\1```", section(heading), flags=re.DOTALL | re.MULTILINE)
    return textwrap.dedent(block[1])


def install(folder: Path, module: str, heading: str) -> Path:
    """What `pip install` leaves of a package whose one module and entry point are those of CONTRIBUTING."""
    points = code(heading, "toml").replace("PACKAGE", module)
    group, entry = re.fullmatch(r'\[project\.entry-points\."([\w.]+)"\]\n(.+)\n', points).groups()  # type: ignore[union-attr]
    return add_package(folder, module, code(heading, "python"), group, entry.replace('"', ""))


def run(folder: Path, package: Path, *arguments: str) -> str:
    """What `dsx …` prints, in that folder and with that package installed."""
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "dsx", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "installed"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_the_list_for_an_exhibit_adds_an_exhibit(tmp_path: Path, package: Path) -> None:
    install(package, "spread_of_errors", "An exhibit")
    reference = ROOT / "experiments" / "reference"
    printed = run(tmp_path, package, "analyze", str(reference), "--out", "analysis", "--figures", "none")
    written = pd.read_csv(tmp_path / "analysis" / "spread.csv").set_index("study")["spread"]
    assert len(written) == 6
    for name, spread in written.items():
        errors = pd.read_parquet(reference / f"{name}.parquet")["error"]
        assert spread == pytest.approx(errors.std())
        assert f"{name}: errors spread by {errors.std():.2f} points" in printed


@pytest.mark.slow
def test_the_list_for_a_launcher_adds_a_launcher(tmp_path: Path, package: Path) -> None:
    install(package, "backwards", "A launcher")
    launchers = tmp_path / "experiments" / "launcher"
    launchers.mkdir(parents=True)
    (launchers / "mine.yaml").write_text("kind: last_first\nthreads: 2\n")
    small = ["stages=2", "strides=[1, 2]", "parameters.depth.high=1", "parameters.width.high=32", "constraints=null"]
    study = sample(SampleRequest("AnyNetXA-digits", 3, overrides=small, out=tmp_path / "study")).study
    arguments = ["launch", "study", "--recipe", "digits", "--on", "mine", "recipe.epochs=1"]
    assert "in this process, the last model first" in run(tmp_path, package, *arguments, "--dry-run")
    assert study.counts()["pending"] == 3
    run(tmp_path, package, *arguments)
    assert study.counts()["done"] == 3
    ended = [study.paths.run(run.run_id).result.stat().st_mtime_ns for run in study.runs()]
    assert ended == sorted(ended, reverse=True)


def test_what_it_names_is_there() -> None:
    plain = re.sub(r"```.*?```", "", CONTRIBUTING, flags=re.DOTALL)
    paths = re.findall(r"`((?:dsx|docs|tests|spaces|experiments|\.ci)/[^`]*?|[\w.]+\.(?:md|cfg))`", plain)
    assert len(paths) > 20
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines()}
    assert set(re.findall(r"`make ([\w-]+)`", plain)) <= targets

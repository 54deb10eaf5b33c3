"""What CONTRIBUTING names is there, and three of its lists, followed to the letter, add what they say."""

from __future__ import annotations

import os
import re
import shutil
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


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what a launcher or a block is added to: no git, no tests."""
    folder = tmp_path / "copy"
    for name in ("dsx", "spaces", "experiments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def edit(file: Path, before: str, after: str) -> None:
    """Replace what stands there once."""
    content = file.read_text(encoding="utf-8")
    assert content.count(before) == 1
    file.write_text(content.replace(before, after), encoding="utf-8")


def add_launcher(folder: Path, name: str) -> Path:
    """What the steps for a launcher of the repository say."""
    steps = section("A launcher")
    (place,) = re.findall(r"^1\. `(.+)`: a subclass", steps, flags=re.MULTILINE)
    (folder / place.replace("NAME", name)).write_text(code("A launcher", "python"), encoding="utf-8")
    ((mapping, registry, line),) = re.findall(r"^2\. Its line in `(\w+)` of `(.+)`: `(.+)`$", steps, flags=re.MULTILINE)
    start = f"\n{mapping} = {{\n"
    edit(folder / registry, start, f"{start}    {line.replace('NAME', name)}\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("place", ["a package", "the repository"])
def test_the_list_for_a_launcher_adds_a_launcher(tmp_path: Path, request: pytest.FixtureRequest, place: str) -> None:
    if place == "a package":
        added = install(request.getfixturevalue("package"), "backwards", "A launcher")
    else:
        added = add_launcher(request.getfixturevalue("copy"), "backwards")
    launchers = tmp_path / "experiments" / "launcher"
    launchers.mkdir(parents=True)
    (launchers / "mine.yaml").write_text("kind: last_first\nthreads: 2\n")
    small = ["stages=2", "strides=[1, 2]", "parameters.depth.high=1", "parameters.width.high=32", "constraints=null"]
    study = sample(SampleRequest("AnyNetXA-digits", 3, overrides=small, out=tmp_path / "study")).study
    arguments = ["launch", "study", "--recipe", "digits", "--on", "mine", "recipe.epochs=1"]
    assert "in this process, the last model first" in run(tmp_path, added, *arguments, "--dry-run")
    assert study.counts()["pending"] == 3
    run(tmp_path, added, *arguments)
    assert study.counts()["done"] == 3
    ended = [study.paths.run(run.run_id).result.stat().st_mtime_ns for run in study.runs()]
    assert ended == sorted(ended, reverse=True)


@pytest.mark.slow
def test_the_list_for_a_block_keeps_the_schema_current(copy: Path) -> None:
    layers, schema = copy / "dsx" / "networks" / "layers.py", copy / "spaces" / "space.schema.json"
    edit(layers, '    "vr": Block(_vr),\n', '    "vr": Block(_vr),\n    "vr_again": Block(_vr),\n')
    current = run(copy, copy, "spaces", "--schema")
    assert '"vr_again"' in current
    assert schema.read_text(encoding="utf-8") != current
    command = copy / "dsx-of-the-copy" / "dsx"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dsx "$@"\n')
    command.chmod(0o755)
    for target in re.findall(r"`make ([\w-]+)`", section("A block or a stem")):
        make = ["make", "--old-file=install", f"BIN={command.parent}", target]
        subprocess.run(make, cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, check=True, timeout=300)
    assert schema.read_text(encoding="utf-8") == current


def test_what_it_names_is_there() -> None:
    plain = re.sub(r"```.*?```", "", CONTRIBUTING, flags=re.DOTALL)
    paths = re.findall(r"`((?:dsx|docs|tests|spaces|experiments|\.ci)/[^`]*?|[\w.]+\.(?:md|cfg))`", plain)
    assert len(paths) > 20
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines()}
    assert set(re.findall(r"`make ([\w-]+)`", plain)) <= targets

"""Fixtures for all tests: the command line in this process, and in one of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

# tests run side by side: threads that wait for each other by spinning would take the cores from other tests
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest

from dsx import cli
from dsx.networks.architecture import Architecture, Stage, Stem

from command_line import Command, Done

# where everything must run (the project's own checks), a skipped test is a failed one; but those of tests/gpu, which
# DSX_REQUIRE_GPU asks for
REQUIRE_ALL = bool(os.environ.get("DSX_REQUIRE_ALL"))

# files that take minutes, the longest first
LONGEST = (
    "test_cluster.py", "test_coverage.py", "test_faults_launch.py", "test_documents.py", "test_docs.py",
    "test_until.py", "test_verdicts.py", "test_reproduce.py", "test_importance.py", "test_walk.py", "test_plan.py",
    "test_analyze.py", "test_run.py", "test_readme.py", "test_notebooks.py", "test_accuracy.py",
    "test_page_in_browser.py", "test_contributing.py", "test_pinned.py", "test_design.py", "test_own_training.py",
    "test_faults_doors.py",
)  # fmt: skip


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, None, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if REQUIRE_ALL and report.skipped and "gpu" not in item.keywords:
        report.outcome = "failed"
        report.longrepr = f"skipped where everything is required: {report.longrepr}"


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Generator[None, None, None]:
    """Thousands of tests are gathered without Python's search for garbage, and never searched themselves."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, then all with slow tests: no worker is left with one when the others are done."""
    slow = {item.path for item in items if "slow" in item.keywords}
    longest = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (longest.get(item.path.name, len(LONGEST)), item.path not in slow))


@pytest.fixture(autouse=True, scope="module")
def _own_modules_go(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    """What a file's tests wrote and imported is not what another file's tests get under the same name."""
    before, place = set(sys.modules), str(tmp_path_factory.getbasetemp())
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(place):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="session")
def _no_waits_for_the_disk() -> Generator[None, None, None]:
    """What is written in this process is not flushed to the disk: tests kill processes, never the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _no_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn in this process, on a busy machine and on an idle one."""
    monkeypatch.setattr("dsx.base.processes.idle_cores", lambda: 1)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """An analysis in this process draws nothing, for tests that look at its tables and sentences alone."""
    monkeypatch.setattr("dsx.exhibits.exhibition.in_processes", lambda draw, drawings: [None for _ in drawings])


@pytest.fixture
def dsx(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run `dsx …` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["dsx", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        code = stop.value.code
        return Done(code if isinstance(code, int) else int(code is not None), captured.out, captured.err)

    return run


@pytest.fixture
def dsx_process(tmp_path: Path) -> Command:
    """Run `dsx …` as a process of its own, in an empty folder; env: further environment variables."""

    def run(*arguments: object, env: dict[str, str] | None = None, timeout: float = 300) -> Done:
        command = [sys.executable, "-m", "dsx", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | (env or {}), capture_output=True, text=True, timeout=timeout
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def _tiny(in_channels: int = 1, num_classes: int = 10) -> Architecture:
    stages = tuple(Stage(block="x", depth=1, width=w, stride=s, group_width=4) for w, s in ((8, 1), (16, 2)))
    return Architecture(
        stem=Stem(type="cifar", width=8), stages=stages, num_classes=num_classes, in_channels=in_channels
    )


@pytest.fixture
def tiny() -> Callable[..., Architecture]:
    """tiny(in_channels=1, num_classes=10): a network of two blocks."""
    return _tiny

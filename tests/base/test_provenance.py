from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import dsx
from dsx.base import provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one commit that stands for dsx's own."""
    (tmp_path / "dsx").mkdir()
    (tmp_path / "dsx" / "a.py").write_text("a = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    monkeypatch.setattr(provenance, "_TOP", tmp_path)
    return tmp_path


def test_the_commit_says_whether_the_code_was_changed(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert (provenance.git_commit(), provenance.uncommitted()) == (head, "")
    (checkout / "notes.txt").write_text("untracked files are no change of the code")
    assert provenance.git_commit() == head
    (checkout / "dsx" / "a.py").write_text("a = 2\n")
    assert provenance.git_commit() == f"{head}+changes"
    assert "-a = 1\n+a = 2\n" in provenance.uncommitted()


def test_an_installed_package_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_TOP", tmp_path)
    assert (provenance.git_commit(), provenance.uncommitted()) == (None, "")


@pytest.mark.slow
def test_versions_are_of_what_is_installed() -> None:
    assert provenance.versions(["numpy", "no-such-package"]) == {"numpy": np.__version__}
    assert provenance.environment()["dsx"] == dsx.__version__
    assert provenance.environment()["packages"]["numpy"] == np.__version__
    assert set(provenance.hardware()) == {"cpu", "cores", "machine", "system"}


def test_a_device_is_named_by_its_board_and_a_processor_by_what_the_system_calls_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"board {device.index}")
    named = [provenance.device_name(torch.device(name)) for name in ("cuda:1", "mps", "cpu")]
    assert named == ["board 1", "Apple GPU", provenance.processor()]
    lines = "processor : 0\nmodel name\t: Some 7B13: 64 cores\nmodel name\t: another\n"
    for told, expected in (
        (lines, "Some 7B13: 64 cores"),
        ("processor : 0", platform.machine()),
        (None, platform.machine()),
    ):
        monkeypatch.setattr(provenance, "Path", lambda _, told=told: System(told))
        assert provenance.processor.__wrapped__() == expected


class System:
    """A file of the system's with this text; None: it has none."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, encoding: str) -> str:
        if self.text is None:
            raise OSError
        return self.text

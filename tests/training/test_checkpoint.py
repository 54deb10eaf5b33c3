from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dsx.base.files import RecordWarning
from dsx.training.checkpoint import load_checkpoint, remove_checkpoints, save_checkpoint

CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def save_two(folder: Path) -> None:
    for epoch in (1, 2):
        save_checkpoint(folder, {"epoch": epoch, "weights": torch.full((1000,), float(epoch))})


def test_the_newest_is_read_and_the_one_before_is_kept(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None
    save_two(tmp_path)
    newest = load_checkpoint(tmp_path)
    assert newest is not None
    assert newest["epoch"] == 2
    assert torch.equal(newest["weights"], torch.full((1000,), 2.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == [PREVIOUS, CHECKPOINT]


@pytest.mark.parametrize("damage", ["empty", "half", "one byte", "text"])
def test_a_torn_file_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save_two(tmp_path)
    path = tmp_path / CHECKPOINT
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    torn = {"empty": b"", "half": whole[:middle], "one byte": flipped, "text": b"hello"}[damage]
    path.write_bytes(torn)
    with pytest.warns(RecordWarning, match="torn checkpoint"):
        state = load_checkpoint(tmp_path)
    assert state is not None
    assert state["epoch"] == 1


def test_two_torn_files_are_a_fresh_start(tmp_path: Path) -> None:
    save_two(tmp_path)
    for name in (CHECKPOINT, PREVIOUS):
        (tmp_path / name).write_bytes(b"torn")
    with pytest.warns(RecordWarning):
        assert load_checkpoint(tmp_path) is None


def test_a_crash_between_the_renames_leaves_the_one_before(tmp_path: Path) -> None:
    save_two(tmp_path)
    (tmp_path / CHECKPOINT).rename(tmp_path / PREVIOUS)
    state = load_checkpoint(tmp_path)
    assert state is not None
    assert state["epoch"] == 2


def test_removal_keeps_the_newest_if_asked(tmp_path: Path) -> None:
    save_two(tmp_path)
    remove_checkpoints(tmp_path, keep_newest=True)
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    remove_checkpoints(tmp_path)
    assert not list(tmp_path.iterdir())

"""Checkpoints of one training: complete or absent on disk, and checked when read.

The file before the newest one is kept beside it (`checkpoint.previous.pt`), so a torn newest file
costs one epoch. Both are plain torch files whose zip checksums tell a torn one.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dsx.base.errors import first_line
from dsx.base.files import RecordWarning, write_bytes
from dsx.study.paths import RunPaths

_TORN = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, KeyError, ValueError, pickle.UnpicklingError)


def save_checkpoint(folder: Path, state: Mapping[str, object]) -> None:
    """Make `state` (tensors and plain values) the newest checkpoint; the newest so far becomes the previous."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    run = RunPaths(folder)
    if run.checkpoint.exists():
        os.replace(run.checkpoint, run.previous)
    write_bytes(run.checkpoint, buffer.getvalue())


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, on the CPU; None if there is none. A torn one gives a RecordWarning."""
    run = RunPaths(folder)
    for path in (run.checkpoint, run.previous):
        try:
            with zipfile.ZipFile(path) as archive:
                torn = archive.testzip()
            if torn is not None:
                raise zipfile.BadZipFile(f"checksum of {torn} does not match")
            state = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            continue
        except _TORN as error:
            text = f"{path}: torn checkpoint ({first_line(error)}); the one before it is used"
            warnings.warn(text, RecordWarning, stacklevel=2)
            continue
        if isinstance(state, dict):
            return state
    return None


def remove_checkpoints(folder: Path, keep_newest: bool = False) -> None:
    """What is left to do when the result is written."""
    run = RunPaths(folder)
    for path in (run.previous,) if keep_newest else (run.checkpoint, run.previous):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

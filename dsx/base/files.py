"""Records on disk: complete or absent, and never fatal to read.

A record is written under a temporary name in its own folder, flushed to the disk and renamed, so a
reader on any machine sees the old content or the new one. Whatever else is found is reported.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsx.base.errors import StudyError

TEMPORARY_SUFFIX = ".tmp"


class RecordError(StudyError):
    """A record that could not be written: disk full, read-only folder, no permission."""


class RecordWarning(UserWarning):
    """A record that was there but could not be used; it is treated as absent."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to; what is there in the end replaces `path`, atomically, unless an error is raised.

    Makes the folder. For writers that take a name: what can be given bytes is given to `write_bytes`.
    Raises RecordError with the system's words.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        try:
            temporary.touch()  # some writers have other errors than the system's for a folder that cannot be written
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise RecordError(unwritable(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, atomically. Makes the folder. Raises RecordError with the system's words."""
    try:
        _write_bytes(path, data)
    except RecordError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        _write_bytes(path, data)  # `sweep` took the unfinished file: who took the folder over took us for dead


def _write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def check_writable(folder: Path, remedy: str) -> None:
    """Raises RecordError, which ends in the remedy, if nothing could be written into a folder, there or to be made."""
    place = next((p for p in (folder, *folder.resolve().parents) if p.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise RecordError(f"{folder}: cannot be written ({error.strerror or error}); {remedy}") from None


def unwritable(path: Path, error: OSError) -> str:
    """The one line that says that `path` could not be written, and what to do."""
    reason = error.strerror or str(error)
    return f"{path}: cannot be written ({reason}); nothing is lost: see to the folder, then run the same command again"


def write_json(path: Path, data: object) -> None:
    """Write `data` as JSON, atomically. Raises RecordError as `write_bytes` does."""
    write_bytes(path, (json.dumps(data, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """The record at `path`; None if there is none, and None with a RecordWarning if it is not a record."""
    record, problem = load_json(path)
    if problem:
        warnings.warn(problem, RecordWarning, stacklevel=2)
    return record


def load_json(path: Path) -> tuple[dict[str, Any] | None, str]:
    """(record, "") or (None, what is wrong with the file), where a missing file is no problem: (None, "")."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        return None, unreadable(path, error)
    return parse(content, path)


def parse(content: bytes, path: Path | str) -> tuple[dict[str, Any] | None, str]:
    """The record that these bytes are, or what is wrong with them. path: where they were found."""
    try:
        data = json.loads(content)
    except ValueError:
        return None, f"{path}: torn or not JSON; treated as absent"
    if not isinstance(data, dict):
        return None, f"{path}: holds a {type(data).__name__}, not a record; treated as absent"
    return data, ""


def unreadable(path: Path | str, error: OSError) -> str:
    """The one line that says that the record at `path` could not be read."""
    return f"{path}: cannot be read ({error.strerror or error}); treated as absent"


def sweep(folder: Path) -> None:
    """Remove what killed writers left in `folder`; only for its sole writer."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(TEMPORARY_SUFFIX):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)

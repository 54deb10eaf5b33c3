"""What is said of an exception: its cause, in one line, out of what wrappers and the system make of it."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from dsx.base import files, shared_memory
from dsx.base.errors import DsxError, causes
from dsx.launch import surroundings
from dsx.study.paths import RunPaths

_LONGEST = 500
# torch's loader raises what one of its processes raised under this text, and puts the traceback into the message
_WRAPPED = re.compile(r"Caught \w+ in DataLoader worker process \d+\.\s*Original Traceback")
# what torch says when a block of shared memory cannot be had
_SHARED_MEMORY = re.compile(r"shared memory ?\(shm\)|shared memory object|to file </?torch_", re.IGNORECASE)
_NO_SPACE, _TOO_MANY_FILES = "no space left on device", "too many open files"
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+)')
_LIBRARY = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python\d)")


def message_of(error: BaseException) -> str:
    """`RuntimeError: what it says`, in one line of at most 500 characters; dsx's own errors without their class.

    Of what a process of torch's own loader raised: the original, with file and line. A full /dev/shm and too many open
    files are named as such.
    """
    text, plain = _first_line(str(error)), isinstance(error, DsxError)
    if _WRAPPED.search(str(error)):
        text = _original(str(error), plain=plain)
    elif not plain:
        name = type(error).__name__
        text = f"{name}: {text}" if text else name
    return ((not plain and _of_the_machine(error)) or text)[:_LONGEST]


def reraise_if_unwritable(paths: RunPaths, error: BaseException) -> None:
    """A full disk or a folder that became read-only is no fault of the model: raise RecordError for it."""
    for link in causes(error):
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            if link.filename is None and shared_memory.shared_memory().is_full:
                return
            place = Path(link.filename) if isinstance(link.filename, str) else paths.folder
            raise files.RecordError(files.unwritable(place, link)) from error


def _of_the_machine(error: BaseException) -> str:
    """What the machine lacks, if that is why; else empty."""
    text = str(error).lower()
    if _NO_SPACE in text and _is_about_shared_memory(error):
        return f"{shared_memory.shared_memory().words()}: processes need more ({shared_memory.MORE_SHARED_MEMORY})"
    return f"too many open files: {surroundings.MORE_FILES}" if _TOO_MANY_FILES in text else ""


def _is_about_shared_memory(error: BaseException) -> bool:
    if _SHARED_MEMORY.search(str(error)):
        return True
    # a lock between processes lies there too, and its error names no file
    return isinstance(error, OSError) and error.filename is None and shared_memory.shared_memory().is_full


def _original(text: str, *, plain: bool) -> str:
    """Last line of the traceback in a loader's message, with the last place in code that is no library's.

    plain: without the class.
    """
    lines = text.splitlines()
    frames = [(at, match) for at, line in enumerate(lines) if (match := _FRAME.match(line))]
    if not frames:
        return _first_line(text)
    after = lines[frames[-1][0] + 1 :]
    raised = next((line.strip() for line in after if line.strip() and not line.startswith("    ")), "")
    if plain:
        return raised.partition(": ")[2] or raised
    outside_libraries = [match for _, match in frames if not _LIBRARY.search(match["file"])]
    place = (outside_libraries or [match for _, match in frames])[-1]
    return f"{raised} ({Path(place['file']).name}, line {place['line']})"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")

"""What is said of an exception: its cause, in one line, out of what wrappers and the system make of it."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.launch import surroundings
from dsx.study.paths import RunPaths

_LONGEST = 500
# torch's loader raises what one of its processes raised under this text, and puts the traceback into the message
_WRAPPED = re.compile(r"Caught \w+ in DataLoader worker process \d+\.\s*Original Traceback")
_LOADER_KILLED = re.compile(r"DataLoader worker \(pid\D* \d+\) is killed by signal: ([\w ]+)")
_LOADER_GONE = re.compile(r"DataLoader worker \(pid\D* [\d, ]+\) exited unexpectedly")
# what torch says when a block of shared memory cannot be had
_SHARED_MEMORY = re.compile(r"shared memory ?\(shm\)|shared memory object|to file </?torch_", re.IGNORECASE)
_NO_SPACE, _TOO_MANY_FILES = "no space left on device", "too many open files"
_TRANSFER = str(Path("multiprocessing") / "resource_sharer.py")
_BUS_ERROR = "Bus error"
_HINTS = {
    "Killed": " (often the system is out of memory)",
    _BUS_ERROR: f" (often {surroundings.SHARED_MEMORY} is full)",
}
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+)')
_LIBRARY = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python\d)")


def message_of(error: BaseException) -> str:
    """`RuntimeError: what it says`, in one line of at most 500 characters; dsx's own errors without their class.

    Of what a loader's process raised: the original, with file and line. A loader's process that was killed, a full
    /dev/shm and too many open files are named as such.
    """
    text = _first_line(str(error))
    if _WRAPPED.search(str(error)):
        text = _original(str(error), plain=isinstance(error, DsxError))
    elif not isinstance(error, DsxError):
        name = type(error).__name__
        text = f"{name}: {text}" if text else name
    return (_of_the_machine(error) or text)[:_LONGEST]


def killed_loader(error: BaseException) -> str:
    """The signal that ended a process of torch's loader, in the system's words; empty if none did."""
    for link in _chain(error):
        match = _LOADER_KILLED.search(str(link))
        if match:
            return match[1].strip()
    return ""


def reraise_if_unwritable(paths: RunPaths, error: BaseException) -> None:
    """A full disk or a folder that became read-only is no fault of the model: raise RecordError for it."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
            if link.filename is None and surroundings.shared_memory().is_full:
                return
            place = Path(link.filename) if isinstance(link.filename, str) else paths.folder
            raise files.RecordError(files.unwritable(place, link)) from error


def _of_the_machine(error: BaseException) -> str:
    """What the machine lacks, if that is why; else empty."""
    text = str(error).lower()
    signal = killed_loader(error)
    memory = surroundings.shared_memory()
    if (signal == _BUS_ERROR and memory.is_small) or (_NO_SPACE in text and _is_about_shared_memory(error)):
        return f"{memory.words()}: data loaders need more ({surroundings.MORE_SHARED_MEMORY})"
    if _TOO_MANY_FILES in text:
        return f"too many open files: {surroundings.MORE_FILES}"
    if signal:
        hint = _HINTS.get(signal, "")
        return f"a process of the data loader was ended by the signal {signal!r}{hint}"
    if _LOADER_GONE.search(str(error)) or _in_a_transfer(error):
        return "a process of the data loader ended without a word; recipe.data.workers=0 loads without one"
    return ""


def _in_a_transfer(error: BaseException) -> bool:
    """Whether a batch was being taken over from a process of the loader that is not there any more."""
    if not isinstance(error, (OSError, EOFError)):
        return False
    return any(frame.filename.endswith(_TRANSFER) for frame in traceback.extract_tb(error.__traceback__))


def _is_about_shared_memory(error: BaseException) -> bool:
    if _SHARED_MEMORY.search(str(error)):
        return True
    # a lock between processes lies there too, and its error names no file
    return isinstance(error, OSError) and error.filename is None and surroundings.shared_memory().is_full


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
    own = [match for _, match in frames if not _LIBRARY.search(match["file"])]
    place = (own or [match for _, match in frames])[-1]
    return f"{raised} ({Path(place['file']).name}, line {place['line']})"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__

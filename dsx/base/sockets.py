"""Where sockets between processes of this machine lie: their paths may have 107 bytes on Linux, 103 on macOS."""

from __future__ import annotations

import os
import sys
import tempfile
from multiprocessing import util

# multiprocessing adds `/pymp-xxxxxxxx/listener-xxxxxxxx` to the folder
_LONGEST_FOLDER = (107 if sys.platform == "linux" else 103) - len("/pymp-xxxxxxxx/listener-xxxxxxxx")
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def is_too_long(folder: str) -> bool:
    """Whether a socket below that folder would have a path that the system refuses."""
    return os.name == "posix" and len(os.fsencode(folder)) > _LONGEST_FOLDER


def short_folder() -> str:
    """The folder for sockets: that of temporary files, or one of the system's where its path is too long.

    Raises OSError if none can be written.
    """
    folder = tempfile.gettempdir()
    if not is_too_long(folder):
        return folder
    for short in _SHORT_FOLDERS:
        if os.access(short, os.W_OK | os.X_OK):
            return short
    raise OSError(
        f"TMPDIR {folder} has {len(os.fsencode(folder))} bytes, sockets need one of at most {_LONGEST_FOLDER}, and none"
        f" of {', '.join(_SHORT_FOLDERS)} can be written"
    )


def use_short_folder() -> None:
    """Let multiprocessing, in this process and those it starts, put its sockets where their paths fit.

    With a TMPDIR of 76 bytes or more, a fork server could not start, and a process of torch's loader could hand over
    nothing, so that its parent would wait for ever. Files of others stay in TMPDIR.
    """
    folder = short_folder()
    if folder == tempfile.gettempdir():
        return
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        util.get_temp_dir()  # makes the folder that this process and its children then keep to
    finally:
        tempfile.tempdir = before

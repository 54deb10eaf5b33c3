"""Where temporary files go, and the sockets between processes: a path has at most 107 bytes on Linux, 103 on macOS."""

from __future__ import annotations

import os
import sys
import tempfile
from multiprocessing import util

from dsx.base.errors import DsxError

# multiprocessing adds `/pymp-xxxxxxxx/listener-xxxxxxxx` to the folder
LONGEST_FOLDER = (107 if sys.platform == "linux" else 103) - len("/pymp-xxxxxxxx/listener-xxxxxxxx")
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def temporary_folder() -> str:
    """TMPDIR if it can be written, else one of the system's. Raises DsxError if none can."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        folders = str(error).partition(" in ")[2].strip("[]").replace("'", "")
        raise DsxError(
            f"no folder for temporary files can be written ({', '.join(dict.fromkeys(folders.split(', ')))}): free some"
            " space there, or set TMPDIR to a folder that you may write"
        ) from None


def is_too_long(folder: str) -> bool:
    """Whether a socket below that folder would have a path that the system refuses."""
    return os.name == "posix" and len(os.fsencode(folder)) > LONGEST_FOLDER


def socket_folder() -> str:
    """The folder for sockets: that of temporary files, or one of the system's where its path is too long.

    Raises DsxError if none can be written.
    """
    folder = temporary_folder()
    if not is_too_long(folder):
        return folder
    for short in _SHORT_FOLDERS:
        if os.access(short, os.W_OK | os.X_OK):
            return short
    raise DsxError(
        f"TMPDIR = {folder}: has {len(os.fsencode(folder))} bytes and none of {', '.join(_SHORT_FOLDERS)} can be"
        f" written: set it to a folder of at most {LONGEST_FOLDER} bytes, in which sockets between processes fit"
    )


def use_short_sockets() -> None:
    """Let multiprocessing, in this process and those it starts, put its sockets where their paths fit.

    With a TMPDIR of 76 bytes or more, a fork server could not start, and a process of torch's loader could hand over
    nothing, so that its parent would wait for ever. Other temporary files stay in TMPDIR. Raises DsxError.
    """
    folder = socket_folder()
    if folder == tempfile.gettempdir():
        return
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        util.get_temp_dir()  # makes the folder that this process and its children then keep to
    finally:
        tempfile.tempdir = before

"""What processes that talk to each other need of the machine: temporary files, shared memory, open files, children.

Each is looked at without changing anything that lasts, before a launch and by `dsx doctor`.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dsx.base.errors import DsxError, causes
from dsx.base.shared_memory import MORE_SHARED_MEMORY, shared_memory
from dsx.base.temporary import use_short_sockets

SAFE_PATH = "PYTHONSAFEPATH"  # Python's own variable
MORE_FILES = "raise the limit (`ulimit -n 4096`), or train with fewer workers"
_MORE_PROCESSES = "raise the limit (`ulimit -u`), or train with fewer workers"
_PROBE_S = 60.0
_FEW_FILES = 256


def check_processes() -> None:
    """Raises DsxError, in one line, if processes that talk to each other cannot be started here.

    Takes a lock and a pipe as worker processes do; starts none.
    """
    _check_main_module()
    use_short_sockets()
    try:
        with same_search_path():
            multiprocessing.get_context("spawn").Lock()
        read, write = os.pipe()
        os.close(read)
        os.close(write)
    except OSError as error:
        raise DsxError(f"worker processes cannot be started here: {why_not_started(error)}") from error


def _check_main_module() -> None:
    """A new process imports the script that started it, which one read from stdin does not allow."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is not None and getattr(main, "__spec__", None) is None and not Path(file).exists():
        raise DsxError(f"the script {file} is no file: worker processes cannot import it; save it, and run the file")


@contextlib.contextmanager
def same_search_path() -> Iterator[None]:
    """While helper processes of multiprocessing are started: they search the current folder only if we do.

    They run `python -c`, which looks there first, where a file of the user's called random.py would be taken for
    Python's own. Needs Python 3.11; before, such a file ends the helper, which is then said.
    """
    here = Path.cwd()
    if any(Path(folder).resolve() == here for folder in sys.path) or SAFE_PATH in os.environ:
        yield
        return
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]


def why_not_started(error: BaseException) -> str:
    """Why a process, its pipes or its locks could not be had, with a remedy."""
    said = ""
    for link in causes(error):
        said = str(link) or said
        if isinstance(link, OSError):
            if link.errno in (errno.EMFILE, errno.ENFILE):
                return f"too many open files: {MORE_FILES}"
            if link.errno == errno.EAGAIN:
                return f"the limit of processes is reached: {_MORE_PROCESSES}"
            if link.errno == errno.ENOMEM:
                return "no memory is left for another process"
            if link.errno == errno.ENOSPC and shared_memory().is_full:
                return f"{shared_memory().words()}: free some of it, or give it more ({MORE_SHARED_MEMORY})"
            if link.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT) and link.filename:
                return f"{link.filename}: {link.strerror}; set TMPDIR to a folder that you may write"
        if isinstance(link, EOFError):
            return "the process that is to start them ended at once; what it said is above"
    return said or type(error).__name__


def probe_worker() -> str:
    """Start a process as a launch does and wait for its answer; empty if it came, else what happened."""
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    try:
        check_processes()
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(theirs,), daemon=True)
        with same_search_path():
            process.start()
        theirs.close()
        try:
            if not ours.poll(_PROBE_S):
                return f"no answer in {_PROBE_S:.0f} s"
            ours.recv()
        except EOFError:
            process.join(5)
            return f"it ended with exit code {process.exitcode} before it could answer"
        finally:
            if process.is_alive():
                process.terminate()
            process.join(5)
    except (OSError, EOFError) as error:
        return why_not_started(error)
    except DsxError as error:
        return str(error)
    return ""


def open_files_limit() -> int | None:
    """How many files a process may have open; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def few_files(limit: int | None) -> bool:
    """Whether that limit is low for processes that load data."""
    return limit is not None and limit < _FEW_FILES


def _answer(pipe: Connection) -> None:
    pipe.send("here")

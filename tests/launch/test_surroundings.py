import errno
import os
import subprocess
import sys

import pytest

from dsx.base.shared_memory import SharedMemory
from dsx.launch import surroundings
from dsx.launch.surroundings import probe_worker, same_search_path, why_not_started


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (OSError(errno.EMFILE, "x"), "too many open files: raise the limit"),
        (OSError(errno.EAGAIN, "x"), "the limit of processes is reached: raise the limit"),
        (OSError(errno.ENOMEM, "x"), "no memory is left for another process"),
        (OSError(errno.ENOSPC, "No space", "/tmp/pymp-1"), "/tmp/pymp-1: No space; set TMPDIR"),
        (EOFError(), "the process that is to start them ended at once"),
        (OSError("odd"), "odd"),
    ],
)
def test_why_no_process_starts_is_one_line_with_a_remedy(error, start, monkeypatch):
    monkeypatch.setattr(surroundings, "shared_memory", lambda: SharedMemory(10**9, 10**9))
    wrapped = RuntimeError()
    wrapped.__cause__ = error
    assert why_not_started(wrapped).startswith(start)


def test_a_worker_starts_and_answers():
    assert probe_worker() == ""


def test_helpers_search_the_current_folder_only_if_we_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    with same_search_path():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert "PYTHONSAFEPATH" not in os.environ
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with same_search_path():
        assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.slow
def test_nothing_of_launching_loads_torch():
    code = (
        "import importlib, pkgutil, sys, dsx.launch\n"
        "for module in pkgutil.walk_packages(dsx.launch.__path__, 'dsx.launch.'):\n"
        "    importlib.import_module(module.name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "False\n"

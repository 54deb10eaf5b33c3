"""How trainings end: launchers catch these by type, in other processes too."""

from __future__ import annotations

import pickle
import subprocess
import sys

from dsx.base.errors import DsxError
from dsx.training.faults import CorruptData, DataError, Interrupted, LoaderDied, OutOfMemory, TimeLimitExceeded


def test_faults_of_the_data_are_the_users_and_an_interruption_is_no_error_of_theirs() -> None:
    assert issubclass(DataError, DsxError)
    assert issubclass(CorruptData, DataError)
    assert issubclass(LoaderDied, DataError)
    assert not any(issubclass(fault, DsxError) for fault in (Interrupted, OutOfMemory, TimeLimitExceeded))


def test_python_s_own_kinds_are_what_they_are() -> None:
    assert issubclass(OutOfMemory, RuntimeError)
    assert issubclass(TimeLimitExceeded, TimeoutError)


def test_a_peak_of_memory_comes_back_from_another_process() -> None:
    sent = pickle.loads(pickle.dumps(OutOfMemory("full", 123)))
    assert (str(sent), sent.peak_memory_bytes) == ("full", 123)
    assert OutOfMemory("full").peak_memory_bytes is None


def test_catching_them_loads_no_torch() -> None:
    code = "import sys, dsx.training.faults; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "False"]

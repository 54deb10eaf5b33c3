from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

from dsx.launch.failures import kind_of
from dsx.training.data import loader as loaders
from dsx.training.data.batches import BatchStep
from dsx.training.data.images import Stored
from dsx.training.data.loader import Loader
from dsx.training.faults import DataError, LoaderDied

CPU = torch.device("cpu")
PLAN = [BatchStep(0, number, torch.tensor(rows)) for number, rows in enumerate(([0, 1], [2, 3]))]


class Images(Stored):
    """Four images; reading the third does something."""

    def read(self, row: int, seed: int = 0) -> np.ndarray:
        if row == 2:
            self.happen()
        return super().read(row, seed)

    def happen(self) -> None:
        """What a subclass says."""


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "_LOOK_S", 0.5)


def loader(kind: type[Images], workers: int = 1) -> Loader:
    images = kind(np.zeros((4, 6, 6, 1), np.uint8), np.arange(4))
    finish = lambda pixels, epoch, row: torch.from_numpy(pixels) + row  # noqa: E731
    blank = torch.zeros(6, 6, 1, dtype=torch.uint8)
    return Loader(images, finish, blank, 0, workers, CPU, note=lambda reasons: None)


def drained(source: Loader) -> list[list[int]]:
    try:
        return [labels.tolist() for _, labels in source.batches(PLAN)]
    finally:
        source.close()


class Killed(Images):
    def happen(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class BusError(Images):
    def happen(self) -> None:
        os.kill(os.getpid(), signal.SIGBUS)


class Full(Images):
    def happen(self) -> None:
        raise RuntimeError("unable to write to file </torch_1_2>: No space left on device (28): /dev/shm")


class Gone(Images):
    def happen(self) -> None:
        os._exit(0)


class Slow(Images):
    def happen(self) -> None:
        time.sleep(3)


class Stuck(Images):
    def happen(self) -> None:
        signal.pause()


class Forgetful(Images):
    def happen(self) -> None:
        raise MemoryError("cannot allocate 8 GiB")


class Buggy(Images):
    def happen(self) -> None:
        raise AttributeError("no such thing")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_the_order_of_the_plan(workers: int) -> None:
    assert drained(loader(Images, workers)) == [[0, 1], [2, 3]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Killed, r"^a loader process was killed, perhaps by the system for want of memory: set data\.workers to fewer"),
        (BusError, r"^loader processes found no room in /dev/shm \([\d,]+ of [\d,]+ MiB free\): give it more"),
        (Gone, r"^a loader process ended \(DataLoader worker exited unexpectedly\): data\.workers=0 reads without"),
        (Full, r"^loader processes found no room in /dev/shm \([\d,]+ of [\d,]+ MiB free\): give it more"),
    ],
)
def test_a_process_that_can_deliver_nothing_ends_in_a_cause(kind: type[Images], message: str) -> None:
    with pytest.raises(LoaderDied, match=message) as caught:
        drained(loader(kind))
    assert kind_of(caught.value) == "killed"


def mark(signum: int, frame: object) -> None:
    """A handler of a program of its own."""


@pytest.fixture(params=[False, True], ids=["first loader", "after a loader of somebody else"])
def _others(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a loader finds in its process, whatever ran there before."""
    before = signal.signal(signal.SIGCHLD, mark)
    monkeypatch.setattr(signal_handling, "_SIGCHLD_handler_set", False)
    if request.param:
        assert [rows.tolist() for rows in DataLoader([1, 2], num_workers=1)] == [[1], [2]]
        assert signal.getsignal(signal.SIGCHLD) is not mark
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.slow
@pytest.mark.usefixtures("_others")
def test_a_process_that_dies_during_a_step_is_told_at_the_next_read() -> None:
    source = loader(Images)
    batches = source.batches(PLAN * 20)
    next(batches)
    os.kill(source._processes[0].pid, signal.SIGKILL)
    try:
        time.sleep(0.5)  # a step, in which the news of the end comes
        with pytest.raises(LoaderDied, match=r"^a loader process was killed, perhaps by the system for want of memory"):
            list(batches)
        assert signal.getsignal(signal.SIGCHLD) is mark
    finally:
        source.close()


@pytest.mark.slow
def test_a_slow_process_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "_LOOK_S", 1)
    assert drained(loader(Slow)) == [[0, 1], [2, 3]]


@pytest.mark.slow
def test_a_stuck_process_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "_MUTE_S", 1)
    with pytest.raises(LoaderDied, match=r"^no batch from 1 loader processes for 0.0166667 minutes: is the folder"):
        drained(loader(Stuck))


@pytest.mark.parametrize("workers", [0, 1])
def test_other_faults_come_with_the_item_their_last_line_and_their_traceback(workers: int) -> None:
    with pytest.raises(RuntimeError, match=r"^image\[2\]: AttributeError: no such thing$") as caught:
        drained(loader(Buggy, workers))
    assert not isinstance(caught.value, DataError)
    assert 'raise AttributeError("no such thing")' in str(caught.value.__cause__)
    with pytest.raises(MemoryError, match=r"^image\[2\]: MemoryError: cannot allocate 8 GiB$"):
        drained(loader(Forgetful, workers))


@pytest.mark.slow
def test_a_temporary_folder_too_long_for_sockets_is_gone_round(tmp_path: Path) -> None:
    """In a process of its own, as the folder for sockets is chosen once."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    code = "from test_loader import Images, drained, loader; print(drained(loader(Images)))"
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    given = os.environ | {"TMPDIR": str(long), "PYTHONPATH": path}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "[[0, 1], [2, 3]]\n", done.stderr

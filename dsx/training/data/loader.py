"""Reading images in processes of their own, while the device trains.

Whatever happens there comes back as a value: an image that cannot be read, or a fault with its last line and its item.
What makes a process mute (killed, no shared memory, no file descriptors, stuck) ends in an error that says so.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from dsx.base.shared_memory import SHARED_MEMORY, shared_memory
from dsx.base.temporary import use_short_sockets
from dsx.networks.torch_private import beneath_alarm, children_allowed, end_processes
from dsx.training.data.batches import BatchStep
from dsx.training.data.images import ImageSet
from dsx.training.data.pixels import Unreadable
from dsx.training.faults import DataError, LoaderDied
from dsx.training.streams import derive

# a batch that takes longer will not come: no image set is that slow
_MUTE_S = 1800
# how often processes are looked at while no batch comes
_LOOK_S = 2
# of processes, which would make two failures for one cause differ
_IDS = re.compile(r" \(pid\S* [\d, ]+\)")

# (epoch, row) of an image; those of a batch
Key = tuple[int, int]
Keys = list[Key]


class Read(NamedTuple):
    """A batch as it comes from a process."""

    images: Tensor
    labels: list[int]  # −1 for images that could not be read
    unreadable: list[tuple[str, str]]  # (name, why) of each of those
    # what ended the reading, as (name of the exception's class, one line, traceback)
    fault: tuple[str, str, str] | None = None


class Loader:
    """Batches of images, finished one by one in `workers` processes (0: in this one).

    finish: (pixels, epoch, row) → tensor of `shape`; the same in every process. note: told of unreadable images.
    """

    def __init__(
        self,
        images: ImageSet,
        finish: Callable[[np.ndarray, int, int], Tensor],
        blank: Tensor,
        seed: int,
        workers: int | None,
        device: torch.device,
        note: Callable[[Iterable[tuple[str, str]]], None],
    ) -> None:
        if workers is None:
            workers = 1 if device.type == "cpu" else min(8, os.cpu_count() or 1)
        if workers:
            use_short_sockets()
        self._note, self._workers, self._plan, self._pinned = note, workers, _Plan(), device.type == "cuda"
        self._loader: DataLoader[Read] = DataLoader(
            _Items(images, finish, blank, seed),
            batch_sampler=self._plan,
            collate_fn=_as_it_is,
            num_workers=workers,
            # a launcher's own processes would start theirs afresh, at seconds of imports for each
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
            persistent_workers=workers > 0,
            prefetch_factor=2 if workers else None,
            pin_memory=self._pinned,
            timeout=min(_LOOK_S, _MUTE_S) if workers else 0,
            # torch draws from it once an epoch, but not with persistent processes: a network's own draws must not tell
            generator=torch.Generator(),
        )
        self._processes: list[BaseProcess] = []

    def batches(self, plan: Sequence[BatchStep]) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) in the host's memory for each step of the plan; label −1: not readable.

        Raises DataError, or what else was raised in a process, named with the file or item.
        """
        self._plan.steps = plan
        before = set(multiprocessing.active_children())
        try:
            with children_allowed(), _told_at_reads():
                reads = iter(self._loader)
            self._processes = self._processes or [p for p in multiprocessing.active_children() if p not in before]
        except OSError as error:
            raise LoaderDied(f"no loader process could be started ({error}): set data.workers=0") from error
        for _ in plan:
            try:
                read = self._next(reads)
            except (RuntimeError, OSError, EOFError) as error:  # of the machinery: faults of reading come as values
                raise self._died(error) from error
            if read.fault:
                raise _fault(*read.fault)
            if read.unreadable:
                self._note(read.unreadable)
            labels = torch.tensor(read.labels, dtype=torch.int64)
            yield read.images, labels.pin_memory() if self._pinned else labels

    def _next(self, reads: Iterator[Read]) -> Read:
        """The next batch; torch's loader goes on where it was after a time without one, in which it looks around."""
        deadline = time.monotonic() + _MUTE_S
        while True:
            try:
                return next(reads)
            except RuntimeError as error:
                if "timed out" not in str(error) or time.monotonic() >= deadline:
                    raise

    def _died(self, error: Exception) -> LoaderDied:
        """What it means that no process answers, and what to do."""
        text = _IDS.sub("", " ".join(str(error).split()))
        for process in self._processes:
            process.join(1)  # its exit code comes a moment later than the news of its end
        codes = {process.exitcode for process in self._processes}
        if -signal.SIGBUS in codes or "Bus error" in text or "shared memory" in text:
            return LoaderDied(_without_shared_memory(text))
        if -signal.SIGKILL in codes or "Killed" in text:
            return LoaderDied(
                "a loader process was killed, perhaps by the system for want of memory: set data.workers to fewer than"
                f" {self._workers}"
            )
        if "timed out" in text:
            return LoaderDied(
                f"no batch from {self._workers} loader processes for {_MUTE_S / 60:g} minutes: is the"
                " folder of the images still reachable? data.workers=0 reads without processes"
            )
        if "ancdata" in text or "Too many open files" in text:
            return LoaderDied(
                f"loader processes ran out of open files ({text}): raise `ulimit -n`, or set data.workers=0"
            )
        return LoaderDied(f"a loader process ended ({text}): data.workers=0 reads without processes")

    def close(self) -> None:
        """End the processes."""
        end_processes(self._loader)
        self._processes = []


@contextlib.contextmanager
def _told_at_reads() -> Iterator[None]:
    """Torch's handler, set by the first loader's start in a process, raises wherever this one is when theirs die; now
    the next read tells.
    """
    before = beneath_alarm(signal.getsignal(signal.SIGCHLD))
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, before)


class _Plan:
    """The batches a loader is to give next."""

    def __init__(self) -> None:
        self.steps: Sequence[BatchStep] = ()

    def __iter__(self) -> Iterator[Keys]:
        return ([(step.epoch, row) for row in step.rows.tolist()] for step in self.steps)

    def __len__(self) -> int:
        return len(self.steps)


class _Items(Dataset[Read]):
    """Whole batches by their lists of (epoch, row)."""

    def __init__(
        self, images: ImageSet, finish: Callable[[np.ndarray, int, int], Tensor], blank: Tensor, seed: int
    ) -> None:
        self._images, self._finish, self._blank, self._seed = images, finish, blank, seed

    def __getitems__(self, keys: Keys) -> Read:
        name = ""
        try:
            finished, labels, unreadable = [], [], []
            for epoch, row in keys:
                name = self._images.name(row)
                try:
                    pixels = self._images.read(row, derive(self._seed, "item", epoch, row))
                except Unreadable as error:
                    unreadable.append((name, str(error)))
                    finished.append(self._blank)
                    labels.append(-1)
                    continue
                finished.append(self._finish(pixels, epoch, row))
                labels.append(int(self._images.labels[row]))
            name = ""
            # in a loader process, this is where shared memory is asked for
            return Read(default_collate(finished), labels, unreadable)
        except Exception as error:
            line = traceback.format_exception_only(error)[-1].strip()
            problem = str(error) if isinstance(error, DataError) else f"{name}: {line}" if name else line
            return Read(self._blank, [], [], (type(error).__name__, problem, traceback.format_exc()))


def _as_it_is(read: object) -> Any:
    """`_Items` puts batches together itself."""
    return read


class _InLoader(Exception):
    """The traceback of a fault in a loader process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _fault(kind: str, line: str, trace: str) -> Exception:
    """The exception to raise here for one that was raised while reading."""
    if kind == "MemoryError":
        error: Exception = MemoryError(line)
    elif "shared memory" in line or str(SHARED_MEMORY) in line or "shm" in line:
        error = LoaderDied(_without_shared_memory(line))
    elif kind in ("DataError", "CorruptData"):
        error = DataError(line)
    else:
        error = RuntimeError(line)
    error.__cause__ = _InLoader(trace)
    return error


def _without_shared_memory(text: str) -> str:
    memory, state = shared_memory(), "not there"
    if memory.free is not None and memory.total is not None:
        state = f"{memory.free / 2**20:,.0f} of {memory.total / 2**20:,.0f} MiB free"
    return (
        f"loader processes found no room in {SHARED_MEMORY} ({state}): give it more (docker: --shm-size=2g), or set"
        f" data.workers=0 [{text[:120]}]"
    )

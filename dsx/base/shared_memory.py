"""The memory that processes share: locks between them lie in it, and batches on their way from one to another."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
MORE_SHARED_MEMORY = "docker run --shm-size=8g; or recipe.data.workers=0"
# bytes; below the first not even a lock can be made, below the second a loader of images may starve
_FULL, _SMALL = 2**16, 256 * 2**20


@dataclass(frozen=True)
class SharedMemory:
    """The file system of shared memory. total, free: bytes; None where the system has none."""

    total: int | None
    free: int | None

    @property
    def is_full(self) -> bool:
        """Whether not even a lock between processes fits."""
        return self.free is not None and self.free < _FULL

    @property
    def is_small(self) -> bool:
        """Whether processes that load images may not get what they need."""
        return self.free is not None and self.free < _SMALL

    def words(self) -> str:
        """`/dev/shm is full (64 MB, 0.0 MB free)`."""
        if self.total is None or self.free is None:
            return "shared memory is full"
        state = "full" if self.is_full else "too small"
        return f"{SHARED_MEMORY} is {state} ({_size(self.total)}, {_size(self.free)} free)"


def _size(count: int) -> str:
    """Bytes as `64 MB` or `0.4 MB`."""
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"


def shared_memory() -> SharedMemory:
    """How much there is now."""
    try:
        usage = shutil.disk_usage(SHARED_MEMORY)
    except OSError:
        return SharedMemory(None, None)
    return SharedMemory(usage.total, usage.free)

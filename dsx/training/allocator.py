"""Memory of a process that trains on a CPU."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# parameters of mallopt, from glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = 2**30


def keep_freed_memory() -> bool:
    """Let this process keep the memory that tensors free, to use it again; whether the C library could be told.

    By default glibc returns large blocks to the system and every step gets them back page by page: a sixth of the
    time of a step at 224×224. For processes that do nothing but train; without glibc, nothing happens.
    """
    mallopt = _function("mallopt")
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def return_freed_memory() -> None:
    """Give what was kept back to the system: what the process holds is then what is in use."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library that this process runs with; None if it has no such function."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
    return function

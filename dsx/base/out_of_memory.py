"""Whether an error says that memory ran out: of a GPU, of one of its libraries, or of the machine."""

from __future__ import annotations

import sys

# what torch, its libraries and the system say in errors that have no type of their own
_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "alloc_cpu",
    "bad_alloc",
    "_status_alloc_failed",
    "memoryerror",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. Does not load torch: an error of torch's own type exists only where it is loaded."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, (RuntimeError, OSError)) and says_out_of_memory(str(error))


def says_out_of_memory(text: str) -> bool:
    """Whether the words of an error are that memory ran out."""
    return any(word in text.lower() for word in _WORDS)

"""How a training can end other than with a result. Loads nothing heavy, so that launchers catch these by type.

Interrupted, TimeLimitExceeded and CorruptData are raised in all processes of a training at the same step.
"""

from __future__ import annotations

from dsx.base.errors import DsxError


class Interrupted(Exception):
    """`should_stop` said so; everything needed to go on is in the folder."""


class Diverged(Exception):
    """The loss is not finite: a result, whose error is chance."""


class OutOfMemory(RuntimeError):
    """The device or the machine had no memory left; `peak_memory_bytes` says how far it came."""

    def __init__(self, message: str, peak_memory_bytes: int | None = None) -> None:
        super().__init__(message)
        self.peak_memory_bytes = peak_memory_bytes


class TimeLimitExceeded(TimeoutError):
    """The recipe's time_limit_min is used up; the checkpoint is kept."""


class DataError(DsxError):
    """A data set that is missing or incomplete."""


class ProgramFailed(DsxError):
    """A program that did not end as it should: the first line says how, the others are the end of its error output."""


class ProgramKilled(ProgramFailed):
    """A program that a signal ended."""


class CorruptData(DataError):
    """Too many images cannot be read."""


class LoaderDied(DataError):
    """The processes that read images can deliver nothing: killed, stuck, or without what they need of the machine."""

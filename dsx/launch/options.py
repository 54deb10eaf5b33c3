"""What a launch is asked for, whatever launcher carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsx.base.errors import DsxError


@dataclass(frozen=True)
class LaunchOptions:
    """One launch. What a launcher's file says too is None here, unless it was asked for this time.

    Raises DsxError for a number below its least.
    """

    # auto, cpu, cuda (all GPUs), cuda:1 or mps; a cluster's launcher takes the one of its own configuration
    device: str = "auto"
    # processes on this machine
    workers: int | None = None
    # train at most so many runs
    limit: int | None = None
    # failures to try again: their classes, `failed`, `all`, or run ids
    retry: tuple[str, ...] = ()
    # stop once more than so many runs failed
    max_failures: int | None = None
    # only these runs
    run_ids: frozenset[str] | None = None
    # `module:function` to train by instead of what the recipe names
    trainer: str | None = None
    # whether to show progress on stderr
    progress: bool = True
    # told what a launcher has to say while it is at work
    say: Callable[[str], object] = print
    # asked now and then by launchers that train before they return; once true, all is saved and the launch ends
    should_stop: Callable[[], bool] | None = None

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("limit", 0), ("max_failures", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise DsxError(f"{name} = {value}: expected an integer ≥ {least}")

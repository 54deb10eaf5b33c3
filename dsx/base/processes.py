"""The same function of many things, on the cores that nobody uses: in forks, which have all that their parent has."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# for fewer things, starting a process is not worth while
_LEAST = 4
# new objects until unreachable ones are looked for, instead of Python's 700: figures are made of very many
_COLLECTED_AT = 200_000
# of a fork: what its parent gave it to do
_given: tuple[Callable[[Any], object], Sequence[object]] | None = None


def idle_cores() -> int:
    """How many cores this process may use and nobody used in the last minute; at least one."""
    try:
        cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    except (AttributeError, OSError):
        return 1
    return max(1, round(cores - load))


def in_processes(function: Callable[[T], R], things: Sequence[T], processes: int | None = None) -> list[R]:
    """[function(thing) for thing in things], whatever they are; only what comes back must be picklable.

    processes: None: as many as cores are idle. Where forking is not safe (other systems than Linux, a process with
    threads of its own), all is done here.
    """
    at_once = min(len(things) // _LEAST, idle_cores() if processes is None else processes)
    alone = sys.platform != "linux" or threading.active_count() > 1 or multiprocessing.current_process().daemon
    thresholds = gc.get_threshold()
    gc.freeze()  # what is there by now is looked at no more meanwhile, nor copied by a fork that would
    gc.set_threshold(_COLLECTED_AT, *thresholds[1:])
    try:
        if at_once < 2 or alone:
            return [function(thing) for thing in things]
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(at_once, context, initializer=_take, initargs=(function, things)) as pool:
            return list(pool.map(_do, range(len(things))))
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _take(function: Callable[[Any], object], things: Sequence[object]) -> None:
    global _given
    _given = function, things


def _do(at: int) -> Any:
    assert _given is not None
    function, things = _given
    return function(things[at])

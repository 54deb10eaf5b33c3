"""Work in forks: the same results in the same order as alone, and the first error."""

from __future__ import annotations

import os
import threading

import pytest

from dsx.base import processes
from dsx.base.errors import DsxError
from dsx.base.processes import idle_cores, in_processes


@pytest.mark.slow
def test_results_are_the_same_on_any_number_of_processes() -> None:
    things = [(lambda n=n: n * n) for n in range(12)]  # no such thing can be pickled
    expected = [n * n for n in range(12)]
    for count in (1, 2, 3):
        assert in_processes(lambda thing: thing(), things, count) == expected
    assert in_processes(lambda thing: thing(), [], 3) == []


def test_several_processes_take_part_and_none_for_few_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # whatever tests before this one left behind
    assert os.getpid() not in in_processes(lambda _: os.getpid(), range(8), 2)
    assert in_processes(lambda _: os.getpid(), range(7), 2) == [os.getpid()] * 7
    assert in_processes(lambda _: os.getpid(), range(8), 1) == [os.getpid()] * 8


def test_an_error_is_the_one_that_was_raised() -> None:
    def fail(thing: int) -> int:
        if thing == 5:
            raise DsxError("five")
        return thing

    with pytest.raises(DsxError, match=r"^five$"):
        in_processes(fail, range(8), 2)


def test_a_process_with_threads_is_not_forked() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert in_processes(lambda _: os.getpid(), range(8), 2) == [os.getpid()] * 8
    over.set()
    thread.join()


@pytest.mark.parametrize(("cores", "load", "idle"), [(8, 0.2, 8), (8, 5.6, 2), (2, 7.0, 1)])
def test_cores_that_others_use_are_left_to_them(
    cores: int, load: float, idle: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert idle_cores() == idle
    assert processes._given is None

"""The thread that refreshes claims: those that are held, no others, and it tells which were lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import pytest
from processes import wait_until

from dsx.launch.heartbeat import Heartbeat
from dsx.study.claims import Claim


class Held:
    """A claim whose refreshing succeeds until it is taken."""

    def __init__(self) -> None:
        self.refreshed = 0
        self.taken = False

    def refresh(self) -> bool:
        self.refreshed += 1
        return not self.taken


def claim() -> tuple[Held, Claim]:
    held = Held()
    return held, cast(Claim, held)


@pytest.fixture
def heartbeat() -> Iterator[Heartbeat]:
    made = Heartbeat(every_s=0.002)
    yield made
    made.stop()


def test_a_claim_is_refreshed_again_and_again_and_is_not_lost(heartbeat: Heartbeat) -> None:
    held, as_claim = claim()
    heartbeat.add(as_claim)
    wait_until(lambda: held.refreshed >= 3)
    assert not heartbeat.lost(as_claim)


def test_a_claim_that_somebody_took_is_lost_and_no_other(heartbeat: Heartbeat) -> None:
    (held, mine), (other, kept) = claim(), claim()
    heartbeat.add(mine)
    heartbeat.add(kept)
    held.taken = True
    wait_until(lambda: heartbeat.lost(mine))
    seen = other.refreshed
    wait_until(lambda: other.refreshed > seen)
    assert not heartbeat.lost(kept)


def test_a_claim_that_is_given_back_is_left_alone(heartbeat: Heartbeat) -> None:
    (held, mine), (other, kept) = claim(), claim()
    heartbeat.add(mine)
    heartbeat.add(kept)
    held.taken = True
    wait_until(lambda: heartbeat.lost(mine))
    heartbeat.remove(mine)
    assert not heartbeat.lost(mine)
    seen = other.refreshed
    wait_until(lambda: other.refreshed > seen + 1)  # one round may have begun before it was given back
    before, seen = held.refreshed, other.refreshed
    wait_until(lambda: other.refreshed > seen + 1)
    assert held.refreshed == before


def test_the_thread_starts_with_the_first_claim_and_ends_when_told() -> None:
    before = set(threading.enumerate())

    def beating() -> int:
        return sum(thread.name == "dsx-heartbeat" for thread in set(threading.enumerate()) - before)

    heartbeat = Heartbeat(every_s=0.002)
    assert beating() == 0
    for _ in range(3):
        heartbeat.add(claim()[1])
    assert beating() == 1
    heartbeat.stop()
    wait_until(lambda: beating() == 0)

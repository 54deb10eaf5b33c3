"""Counts of candidates: what passed what, what repeats, what binds."""

import numpy as np
import pytest

from dsx.spaces import tally as tally_module
from dsx.spaces.tally import Tally

METRICS = {name: np.array([1.0, 2.0, 3.0, 4.0]) for name in ("flops", "params", "acts")}
PASSES = {
    "rules.deep": np.array([True, True, True, False]),
    "flops": np.array([True, False, False, True]),
}


def counted() -> Tally:
    tally = Tally("anynet")
    tally.candidates = 8
    tally.note(PASSES, METRICS, accepted=1)
    return tally


def test_each_rule_is_counted_whatever_the_others_say():
    tally = counted()
    assert tally.passed == {"rules.deep": 3, "flops": 2}
    assert tally.rates() == {"anynet networks": 0.5, "rules.deep": 0.75, "flops": 0.5}
    assert tally.acceptance == 1 / 8


def test_counts_add_up_over_chunks():
    tally = counted()
    tally.candidates += 8
    tally.note(PASSES, METRICS, accepted=1)
    assert (tally.networks, tally.accepted, tally.passed["rules.deep"]) == (8, 2, 6)
    assert tally.acceptance == 1 / 8


def test_the_binding_rule_is_the_one_that_the_fewest_keep():
    tally = counted()
    assert tally.binding() == "anynet networks"
    tally.note({"rules.deep": np.zeros(4, dtype=bool), "flops": np.ones(4, dtype=bool)}, METRICS, accepted=0)
    assert tally.binding() == "rules.deep"


def test_of_a_windows_metric_the_values_are_kept_that_pass_everything_else():
    tally = counted()
    assert [values.tolist() for values in tally.otherwise["flops"]] == [[1.0, 2.0, 3.0]]
    assert tally.otherwise["params"] == []


def test_no_more_values_are_kept_than_are_needed(monkeypatch):
    monkeypatch.setattr(tally_module, "KEPT", 5)
    tally = Tally("anynet")
    for _ in range(9):
        tally.note(PASSES, METRICS, accepted=1)
    assert sum(map(len, tally.otherwise["flops"])) == 6  # 3 at a time, until there are 5


def test_repeats_are_told_and_singles_and_pairs_counted():
    tally = Tally("anynet")
    assert [tally.repeat(key) for key in (b"a", b"b", b"a", b"c", b"a", b"b")] == [
        False, False, True, False, True, True,
    ]  # fmt: skip
    assert (tally.once, tally.twice) == (1, 1)  # c; b
    assert tally.seen == {b"a": 3, b"b": 2, b"c": 1}


@pytest.mark.parametrize(("times", "exhausted"), [(2, False), (9, False), (10, True)])
def test_a_space_is_used_up_once_every_model_came_often(times, exhausted):
    tally = Tally("anynet")
    for _ in range(times):
        for key in range(12):
            tally.repeat(bytes([key]))
    assert not tally.exhausted()  # too few candidates to tell
    tally.candidates = tally_module.EXHAUSTIVE
    assert tally.exhausted() is exhausted
    tally.repeat(b"new")
    assert not tally.exhausted()


def test_without_candidates_rates_are_nothing():
    assert Tally("regnet").rates() == {"regnet networks": 0.0}
    assert Tally("regnet").acceptance == 0.0

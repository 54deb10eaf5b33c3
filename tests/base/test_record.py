from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest

from dsx.base.record import Record, names_of


@dataclass(frozen=True, eq=False)
class Pair(Record):
    n: int
    mean: float = 2.0


def test_a_record_is_read_by_attribute_and_by_name():
    pair = Pair(3)
    assert (pair.n, pair["n"], pair["mean"]) == (3, 3, 2.0)
    assert dict(pair) == {"n": 3, "mean": 2.0} == pair
    assert {"a": 1, **pair} == {"a": 1, "n": 3, "mean": 2.0}
    assert (list(pair), len(pair), "n" in pair, pair.get("none")) == (["n", "mean"], 2, True, None)
    assert names_of(Pair) == ("n", "mean")


def test_only_fields_are_names():
    with pytest.raises(KeyError):
        Pair(3)["keys"]
    with pytest.raises(FrozenInstanceError):
        Pair(3).n = 4


def test_equal_records_hold_the_same():
    assert Pair(3) == Pair(3)
    assert Pair(3) != Pair(4)

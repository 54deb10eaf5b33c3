from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.base.nested import assigned, content_hash, differences, flat, plain, without

KEYS = st.sampled_from(["a", "b", "c"])
NESTED = st.recursive(
    st.integers(0, 3) | st.none() | st.text("xy", max_size=2), lambda inner: st.dictionaries(KEYS, inner, max_size=3)
).filter(lambda value: isinstance(value, dict))


def test_values_are_set_at_dotted_keys_and_mappings_merged() -> None:
    content = {"a": {"b": 1, "c": 2}, "d": 3}
    assert assigned(content, {"a.b": 9, "e.f": 4}) == {"a": {"b": 9, "c": 2}, "d": 3, "e": {"f": 4}}
    assert assigned(content, {"a": {"b": 9}}) == {"a": {"b": 9, "c": 2}, "d": 3}
    assert assigned(content, {"d.x": 1})["d"] == {"x": 1}
    assert content == {"a": {"b": 1, "c": 2}, "d": 3}


def test_entries_are_taken_out() -> None:
    assert without({"a": {"b": 1, "c": 2}, "d": 3}, ("a.b", "d", "x.y", "d.z")) == {"a": {"c": 2}}


@pytest.mark.slow
@given(NESTED)
def test_flat_entries_make_the_content_again(content: dict[str, Any]) -> None:
    assert assigned({}, flat(content)) == content


@pytest.mark.slow
@given(NESTED, NESTED)
def test_differences_are_none_just_where_contents_are_the_same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert (differences(a, b) == {}) == (flat(a) == flat(b))
    assert set(differences(a, b)) == set(differences(b, a))


def test_differences_name_the_key_and_both_values() -> None:
    told = differences({"n": 1, "x": {"y": (1, 2)}}, {"n": 2, "x": {"y": [1, 2]}, "z": None})
    assert told == {"n": "1 → 2", "z": "absent → None"}


@given(NESTED)
def test_the_hash_is_of_the_content_and_not_of_its_order(content: dict[str, Any]) -> None:
    turned = dict(reversed(list(content.items())))
    assert content_hash(content) == content_hash(turned)
    assert content_hash({"v": content}) != content_hash({"v": {**content, "new": 1}})
    assert len(content_hash(content, 8)) == 8


def test_plain_values_are_those_of_json() -> None:
    assert plain({1: (1, {"a": (2,)})}) == {"1": [1, {"a": [2]}]}
    assert plain([1.0, 2.34567891, [float("inf")]], finite=True) == [1.0, 2.34567891, [None]]
    assert repr(plain([1.0, 2.34567891, float("nan")], finite=True, digits=6)) == "[1, 2.34568, None]"

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.base.errors import DsxError
from dsx.base.overrides import Override, parse_override, parse_overrides, parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48", 48),
        ("1e-5", 1e-5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("{a: 1}", {"a": 1}),
        ("'it is quoted'", "it is quoted"),
        ("digits", "digits"),
        ("${oc.env:HOME}", "${oc.env:HOME}"),
        ("", ""),
    ],
)
def test_values_are_those_of_hydras_grammar(text: str, value: Any) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "/a/Prüfung",
        "/a/数据",
        "a (copy)",
        "a&b",
        "x/lr=0.1/y",
        "it's",
        "x/[v2]",
        "a,b",
        "range(1,3)",
        "[1, 2",
        "a: b",
        "#1",
    ],
)
def test_what_the_grammar_does_not_take_or_takes_for_several_values_is_text(text: str) -> None:
    assert parse_value(text) == text


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_a_path_of_any_letters_stays_what_it_is(name: str) -> None:
    path = f"/data (1)/{name}/x"
    assert parse_override(f"recipe.data.root={path}").value == path


def test_the_key_ends_at_the_first_equals_sign() -> None:
    assert parse_override("++a.b=c=d (e)") == Override("a.b", "c=d (e)", "++a.b=c=d (e)")
    assert parse_override("~a.b") == Override("a.b", None, "~a.b", deleted=True)
    assert parse_overrides(["a=1", "b.c=x", "a=2"]) == {"a": 2, "b.c": "x"}


@pytest.mark.parametrize("text", ["=3", "n", "a b=1", " =1", "+=2"])
def test_what_is_no_override_is_refused(text: str) -> None:
    with pytest.raises(DsxError) as refused:
        parse_override(text)
    assert str(refused.value) == f"override {text!r}: write key=value, as in recipe.epochs=4"

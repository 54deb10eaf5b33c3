from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from dsx.base.errors import DefinitionError
from dsx.base.schema import Frozen, Name


class Inner(Frozen):
    kind: Literal["inner"] = "inner"
    depth: Annotated[int, Field(ge=1)]


class Other(Frozen):
    kind: Literal["other"]
    width: int = 8


class Outer(Frozen):
    name: Name
    mode: Literal["fast", "slow"] = "fast"
    parts: tuple[Inner, ...] = ()
    one: Annotated[Inner | Other, Field(discriminator="kind")] | None = None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nam": "a"}, "f.yaml: unknown key 'nam'. Did you mean name? (1 more)"),
        ({}, "f.yaml: name is required"),
        ([1], "f.yaml: expected a mapping, found [1]"),
        ({"name": 3}, "f.yaml: name = 3: expected text"),
        ({"name": ""}, "f.yaml: name = '': expected a text that is not empty"),
        ({"name": "a", "mode": "fst"}, "f.yaml: mode = 'fst': expected one of fast, slow. Did you mean fast?"),
        ({"name": "a", "parts": [{"depth": 0}]}, "f.yaml: parts[0].depth = 0: expected a value ≥ 1"),
        (
            {"name": "a", "parts": [{"depth": 1, "dpth": 2}]},
            "f.yaml: unknown key 'dpth' in parts[0]. Did you mean depth?",
        ),
        ({"name": "a", "parts": 4}, "f.yaml: parts = 4: expected a list"),
        (
            {"name": "a", "one": {"kind": "innr"}},
            "f.yaml: one.kind = 'innr': expected one of inner, other. Did you mean inner?",
        ),
        ({"name": "a", "one": {"depth": 2}}, "f.yaml: one.kind is required"),
        ({"name": "a", "one": {"kind": "inner", "depth": 0}}, "f.yaml: one.depth = 0: expected a value ≥ 1"),
    ],
)
def test_each_fault_is_one_line_with_place_value_and_rule(data: Any, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        Outer.from_dict(data, "f.yaml")
    assert str(caught.value) == message


def test_construction_fails_as_reading_does() -> None:
    with pytest.raises(DefinitionError) as caught:
        Inner(depth=0)
    assert str(caught.value) == "Inner: depth = 0: expected a value ≥ 1"


def test_definitions_cannot_be_changed_and_compare_by_content() -> None:
    inner = Inner(depth=2)
    with pytest.raises(Exception, match="frozen"):
        inner.depth = 3  # type: ignore[misc]
    assert inner == Inner.from_dict(inner.to_dict())
    assert len({inner, Inner(depth=2)}) == 1

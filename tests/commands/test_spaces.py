"""`dsx spaces`: the list of spaces, one of them, or the schema of their files."""

from __future__ import annotations

import json

import pytest

from dsx.base.errors import DsxError
from dsx.base.resources import names
from dsx.commands.spaces import spaces

from command_line import Command


@pytest.mark.slow
def test_without_a_name_every_space_has_a_line() -> None:
    assert {line.split()[0] for line in spaces().splitlines()} == set(names("spaces"))


def test_a_named_space_is_told_alone() -> None:
    told = spaces("AnyNetXA")
    assert told.startswith("AnyNetXA: ")
    assert "AnyNetXE" not in told


def test_the_schema_outweighs_a_name() -> None:
    schema = json.loads(spaces("AnyNetXA", schema=True))
    assert {"parameters", "rules", "constraints"} <= set(schema["properties"])


def test_an_unknown_space_has_a_near_miss() -> None:
    with pytest.raises(DsxError, match=r"^unknown space 'AnyNetXa'\. Did you mean AnyNetXA\? "):
        spaces("AnyNetXa")


def test_the_command_prints_what_the_function_returns(dsx: Command) -> None:
    done = dsx("spaces", "AnyNetXA")
    assert (done.code, done.out) == (0, f"{spaces('AnyNetXA')}\n")


@pytest.mark.slow
def test_the_long_list_has_sizes_images_and_constraints() -> None:
    lines = {line.split()[0]: line.split() for line in spaces(long=True).splitlines()[1:]}
    assert set(lines) == set(names("spaces"))
    assert lines["AnyNetXA"][1:7] == ["16", f"{(16 * 128 * 3 * 6) ** 4:.2g}", "224×224", "1000", "flops", "360M:400M"]

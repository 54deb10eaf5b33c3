"""`dsx recipes`: the list of recipes, and one of them."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.base.resources import names
from dsx.commands.recipes import recipes

from command_line import Command


def test_without_a_name_every_recipe_has_a_line_with_its_data_and_size() -> None:
    rows = {line.split()[0]: line.split()[1:4] for line in recipes().splitlines()[1:]}
    assert set(rows) == set(names("experiments", "recipe"))
    assert rows["digits"] == ["digits", "8", "8"]
    assert rows["imagenet_10ep"][:2] == ["imagenet", "224"]


def test_a_named_recipe_is_told_alone() -> None:
    told = recipes("digits")
    assert "batch_size: 48" in told
    assert "imagenet" not in told


def test_an_unknown_recipe_has_a_near_miss() -> None:
    with pytest.raises(DsxError, match=r"^unknown recipe 'digit'\. Did you mean digits\? "):
        recipes("digit")


def test_the_command_prints_what_the_function_returns(dsx: Command) -> None:
    done = dsx("recipes", "digits")
    assert (done.code, done.out) == (0, f"{recipes('digits')}\n")

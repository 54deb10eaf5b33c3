"""Where definitions are found: beside the file that names them, in the current folder, then as shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base.errors import DefinitionError
from dsx.base.resources import find, folders, names, shipped


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_from_an_empty_folder_the_shipped_definitions_are_found(here: Path) -> None:
    assert folders("spaces") == [shipped("spaces").resolve()]
    assert find("spaces", "AnyNetXE") == shipped("spaces").resolve() / "AnyNetXE.yaml"
    assert find("experiments", "digits", group="recipe").parent.name == "recipe"


def test_a_file_of_the_current_folder_hides_the_shipped_one_of_its_name(here: Path) -> None:
    mine = touch(here / "spaces" / "AnyNetXE.yaml")
    assert find("spaces", "AnyNetXE") == mine
    known = names("spaces")
    assert known["AnyNetXE"] == mine
    assert known["AnyNetXD"].parent == shipped("spaces").resolve()


def test_a_folder_that_is_both_the_current_and_the_shipped_one_is_searched_once(monkeypatch) -> None:
    monkeypatch.chdir(shipped("spaces").parent)
    assert folders("spaces") == [shipped("spaces").resolve()]


def test_a_path_is_taken_from_the_folder_of_the_file_that_names_it_first(here: Path) -> None:
    touch(here / "parent.yaml")
    beside = touch(here / "mine" / "child.yaml")
    assert find("spaces", "parent.yaml", beside=beside) == Path("parent.yaml")
    nearer = touch(here / "mine" / "parent.yaml")
    assert find("spaces", "parent.yaml", beside=beside) == nearer


def test_a_bare_name_is_looked_for_beside_the_file_that_names_it_but_is_not_that_file(here: Path) -> None:
    child = touch(here / "mine" / "AnyNetXE.yaml")
    other = touch(here / "mine" / "AnyNetXD.yaml")
    assert find("spaces", "AnyNetXD", beside=child) == other
    assert names("spaces")["AnyNetXE"] != child
    near = touch(here / "far" / "AnyNetXC.yaml")
    assert find("spaces", "AnyNetXC", beside=child, near=near.parent) == near


def test_a_name_may_lie_in_a_folder_below_the_kind(here: Path) -> None:
    assert find("experiments", "paper/figure_5") == shipped("experiments").resolve() / "paper" / "figure_5.yaml"
    mine = touch(here / "experiments" / "paper" / "figure_5.yaml")
    assert find("experiments", "paper/figure_5") == mine


def test_a_missing_file_is_told(here: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        find("experiments", "mine/none.yaml", group="recipe")
    assert str(refused.value) == "mine/none.yaml: no such recipe file"


def test_an_unknown_name_is_told_with_its_near_miss(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsx.base.resources.shipped", lambda kind: here / "none")
    touch(here / "spaces" / "Tiny.yaml")
    touch(here / "experiments" / "recipe" / "slow.yaml")
    touch(here / "experiments" / "recipe" / "fast.yaml")
    with pytest.raises(DefinitionError) as refused:
        find("spaces", "Tinny")
    assert str(refused.value) == (
        "unknown space 'Tinny'. Did you mean Tiny? (1 found; `dsx spaces` lists them; or give a path to a YAML file)"
    )
    with pytest.raises(DefinitionError) as refused:
        find("experiments", "other", group="recipe")
    assert str(refused.value) == ("unknown recipe 'other'. (2 found; known: fast, slow; or give a path to a YAML file)")

"""A space's file over what it extends, and overrides over both."""

import pytest
import yaml

from dsx.base.errors import DefinitionError
from dsx.spaces.files import assign, lineage, merge, read_definition


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function: a space's file in ./spaces of an otherwise empty current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spaces").mkdir()

    def write(name: str, **content):
        path = tmp_path / "spaces" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def test_mappings_are_merged_other_values_replaced_and_null_removes():
    parent = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}
    assert merge(parent, {"a": {"y": 5, "z": 6}, "b": [7], "c": None}) == {"a": {"x": 1, "y": 5, "z": 6}, "b": [7]}
    assert parent == {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}


def test_another_distribution_replaces_a_parameter_as_a_whole():
    parent = {"depth": {"distribution": "uniform", "low": 1, "high": 9, "step": 1}}
    assert merge(parent, {"depth": {"high": 4}})["depth"] == {**parent["depth"], "high": 4}
    choice = {"distribution": "choice", "values": [1, 2]}
    assert merge(parent, {"depth": choice})["depth"] == choice


def test_the_name_of_an_order_is_expanded_where_something_is_laid_over_it():
    assert merge({"width": "increasing"}, {"width": {"except_last": True}}) == {
        "width": {"order": "increasing", "except_last": True}
    }


def test_a_child_says_only_how_it_differs_and_inherits_no_description(write):
    write("parent", family="anynet", description="old", source="paper", stages=4, strides=2)
    child = write("child", extends="parent", stages=3)
    assert read_definition(child) == {
        "name": "child", "family": "anynet", "description": "", "source": "", "stages": 3, "strides": 2,
    }  # fmt: skip


def test_lineage_lists_what_each_file_says_from_the_first_ancestor_down(write):
    write("a", family="anynet")
    write("b", extends="a", stages=3)
    write("c", extends="b", stages=2)
    assert lineage("c") == [("a", {"family": "anynet"}), ("b", {"stages": 3}), ("c", {"stages": 2})]


def test_a_space_cannot_extend_itself_through_others(write):
    first = write("a", extends="b")
    write("b", extends="a")
    with pytest.raises(DefinitionError) as refused:
        read_definition(first)
    assert str(refused.value).endswith(
        "a.yaml: extends = 'a': a space cannot extend itself, directly or through others"
    )


def test_an_unknown_parent_and_one_that_is_no_name_are_told_with_the_childs_file(write):
    child = write("child", extends=["a", "b"])
    with pytest.raises(DefinitionError) as refused:
        read_definition(child)
    assert str(refused.value) == f"{child}: extends = ['a', 'b']: expected the name or path of one space"
    child = write("child", extends="AnyNetXEE")
    with pytest.raises(DefinitionError) as refused:
        read_definition(child)
    assert str(refused.value).startswith(
        f"{child}: extends = 'AnyNetXEE': unknown space 'AnyNetXEE'. Did you mean AnyNetXE?"
    )


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("parameters.width.high", 64, {"width": {"low": 8, "high": 64}}),
        ("parameters.depth", 3, {"width": {"low": 8}, "depth": 3}),
        ("parameters.recipe.optimiser.lr", 0.1, {"width": {"low": 8}, "recipe.optimiser.lr": 0.1}),
        ("parameters.recipe.optimiser.lr.low", 0.1, {"width": {"low": 8}, "recipe.optimiser.lr": {"low": 0.1}}),
    ],
)
def test_an_override_sets_a_nested_key_and_a_recipes_setting_is_one_key(key, value, changed):
    data = {"family": "anynet", "parameters": {"width": {"low": 8}}}
    assign(data, key, value)
    assert data == {"family": "anynet", "parameters": changed}

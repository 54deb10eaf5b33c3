"""The commands that make a study again."""

import shlex

import pytest

import dsx
from dsx.recipes.recipe import load_recipe
from dsx.study.reproduce import commands
from dsx.study.study import Study

from standins import make_study


def sampled(path, space, n=4, recipe=None, replicates=1, seed=3):
    """A study of a space as `dsx sample` makes it, with a recipe or not."""
    population = dsx.sample(space, n=n, seed=seed)
    request = {"n": n, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    study = Study.create(path, population, space.to_dict(), request, seed)
    if recipe is not None:
        study.set_recipe(recipe, replicates)
    return study


def test_a_shipped_space_and_recipe_are_named_with_what_the_flags_set(tmp_path):
    study = sampled(tmp_path / "a", dsx.load_space("AnyNetXA-digits"), recipe=load_recipe("digits"))
    assert commands(study) == [
        f"dsx sample --space AnyNetXA-digits --n 4 --flops 400k:600k --resolution 8 --num-classes 10 --seed 3"
        f" --out {tmp_path}/a",
        f"dsx launch {tmp_path}/a --recipe digits",
    ]


def test_a_study_without_a_recipe_has_no_launch(tmp_path):
    assert len(commands(sampled(tmp_path / "a", dsx.load_space("AnyNetXA-digits")))) == 1


def test_what_the_recipe_changes_and_its_seeds_are_given(tmp_path):
    changed = load_recipe("digits", {"epochs": 3, "optimiser.nesterov": False})
    study = sampled(tmp_path / "a", dsx.load_space("AnyNetXA-digits"), recipe=changed, replicates=2)
    launch = shlex.split(commands(study)[1])
    assert launch[:6] == ["dsx", "launch", f"{tmp_path}/a", "--recipe", "digits", "--seeds"]
    assert sorted(launch[6:]) == ["2", "recipe.epochs=3", "recipe.optimiser.nesterov=false"]
    again = load_recipe("digits", dict(override.removeprefix("recipe.").split("=") for override in launch[7:]) | {
        "epochs": 3, "optimiser.nesterov": False})  # fmt: skip
    assert again.to_dict() == changed.to_dict()


def test_a_space_that_is_not_the_one_of_its_name_is_a_file_to_be_written(tmp_path):
    other = dsx.load_space("AnyNetXA-digits", {"parameters.width.low": 16})
    assert "--space ./AnyNetXA-digits.yaml " in commands(sampled(tmp_path / "a", other))[0]
    assert "--space ./Small.yaml " in commands(make_study(tmp_path / "b", recipe=False))[0]


@pytest.mark.slow
def test_a_window_that_a_flag_sets_does_not_make_another_space(tmp_path):
    wider = dsx.load_space("AnyNetXA-digits", {"constraints.flops": "300k:900k"})
    assert "--space AnyNetXA-digits --n 4 --flops 300k:900k " in commands(sampled(tmp_path / "a", wider))[0]


def test_a_folder_with_a_blank_is_quoted(tmp_path):
    line = commands(sampled(tmp_path / "my runs", dsx.load_space("AnyNetXA-digits")))[0]
    assert shlex.split(line)[-1] == str(tmp_path / "my runs")

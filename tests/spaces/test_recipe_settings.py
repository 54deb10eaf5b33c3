"""Spaces over settings of the training: what runs get from them."""

import pytest

import dsx
from dsx.base.errors import DefinitionError
from dsx.study.runs import Runs, training_seed
from dsx.study.study import Study

FIXED = {"depth": 1, "width": 16, "bottleneck_ratio": 1, "group_width": 8}
DATA = {"resolution": 8, "in_channels": 1}
TWO = {"distribution": "choice", "values": [0.1, 0.2]}


@pytest.mark.slow
def test_runs_train_with_the_sampled_settings(small_space):
    sampled = {"recipe.lr": TWO, "recipe.weight_decay": 0.25, "recipe.optimiser.momentum": 0.5, "recipe.epochs": 3}
    population = dsx.sample(small_space(parameters=FIXED | sampled, **DATA), 2)
    recipe = dsx.load_recipe("digits")
    runs = Runs(population, 0, recipe)
    assert sorted(run.recipe.lr for run in runs) == [0.1, 0.2]
    assert {run.recipe.optimiser.weight_decay for run in runs} == {0.25}
    assert {run.recipe.optimiser.momentum for run in runs} == {0.5}
    assert {run.recipe.epochs for run in runs} == {3}
    assert len({run.run_id for run in runs}) == 2


@pytest.mark.slow
def test_a_sampled_seed_stands_in_for_the_studys(small_space):
    seeds = {"recipe.seed": {"distribution": "uniform", "low": 5, "high": 7, "step": 1}}
    population = dsx.sample(small_space(parameters=FIXED | seeds, **DATA), 3)
    runs = Runs(population, 0, dsx.load_recipe("digits"))
    assert {run.seed for run in runs} == {training_seed(k, population.model_ids[0]) for k in (5, 6, 7)}
    assert all(run.recipe == dsx.load_recipe("digits") for run in runs)
    assert len({run.run_id for run in runs}) == 3


@pytest.mark.slow
def test_a_setting_that_the_recipe_lacks_is_refused_at_once(small_space, tmp_path):
    space = small_space(parameters=FIXED | {"recipe.lrr": TWO}, **DATA)
    study = Study.create(tmp_path / "study", dsx.sample(space, 2), space.to_dict(), {"n": 2}, 0)
    with pytest.raises(DefinitionError, match=r"unknown key 'lrr'\. Did you mean lr\?"):
        study.set_recipe(dsx.load_recipe("digits"))

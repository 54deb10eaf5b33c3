import json
import subprocess
import sys

import numpy as np
import pytest

from dsx.study.runs import Runs, run_name, training_seed

from standins import population


def test_seeds_differ_by_each_argument_and_fit_63_bits():
    seeds = {training_seed(s, m, r) for s in (0, 1) for m in ("ab", "cd") for r in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.slow
def test_seeds_are_the_same_in_a_fresh_process():
    code = "from dsx.study.runs import training_seed; print(training_seed(7, 'abc', 2))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    # the first eight bytes of `printf 7/abc/2 | sha256sum`, halved
    assert int(out) == training_seed(7, "abc", 2) == 6542012739904952282


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(("ab",), "ab"), (("ab", 2), "ab-s2"), (("ab", 0, {"lr": 0.1}), "ab-r"), (("ab", 1, {"lr": 0.1}), "ab-r")],
)
def test_names_say_recipe_settings_and_replicate(arguments, name):
    found = run_name(*arguments)
    assert found.startswith(name)
    if len(arguments) == 3:
        assert len(found) == len("ab-r") + 8 + (3 if arguments[1] else 0)


def test_every_model_comes_once_before_any_comes_twice():
    runs = Runs(population(3), seed=0, replicates=2)
    ids = population(3).model_ids
    assert [run.run_id for run in runs] == ids + [f"{i}-s1" for i in ids]
    assert [run.architecture.model_id for run in runs] == ids * 2
    assert len({run.seed for run in runs}) == 6


def test_sampled_recipe_settings_become_the_runs_recipe():
    from dsx.recipes.recipe import load_recipe

    drawn = population(2)
    drawn.settings["recipe.lr"] = np.array([0.05, 0.2])
    runs = Runs(drawn, seed=0, recipe=load_recipe("digits"))
    assert [run.recipe.lr for run in runs] == [0.05, 0.2]
    assert all(run.run_id.startswith(f"{run.model_id}-r") for run in runs)
    assert json.loads(json.dumps(runs[0].recipe_overrides)) == {"lr": 0.05}


def test_parts_of_the_runs_are_the_same_runs():
    drawn = population(5)
    drawn.settings["recipe.lr"] = np.linspace(0.1, 0.5, 5)
    runs = Runs(drawn, seed=3, replicates=3)
    whole = list(runs)
    assert (len(runs), [run.run_id for run in whole]) == (15, runs.ids)
    assert [run.replicate for run in whole] == [0] * 5 + [1] * 5 + [2] * 5
    assert list(runs[2:14:5]) == whole[2:14:5]
    some = runs.some([13, 4]).some([1, 0])
    assert (list(some), some.ids) == ([whole[4], whole[13]], [runs.ids[4], runs.ids[13]])
    assert runs[-1] == whole[-1]
    with pytest.raises(IndexError):
        runs[15]

from __future__ import annotations

import pytest

from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import load_recipe, read_recipe

RECIPES = [
    load_recipe("digits"),
    read_recipe({"name": "p", "command": ["sh", "train.sh"], "settings": {"lr": 1, "optimiser": "sgd"}}),
    read_recipe({"name": "f", "function": "module:run", "version": 3}),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_all_recipes_have_in_common(recipe: AnyRecipe) -> None:
    assert recipe.label == f"{recipe.name} v{recipe.version}"
    assert recipe.label in recipe.describe()
    assert recipe.trainer.count(":") == 1
    assert recipe.measures[0].better in ("lower", "higher")
    assert read_recipe(recipe.to_dict()) == recipe
    assert hash(read_recipe(recipe.to_dict())) == hash(recipe)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_time_limit_is_no_part_of_what_a_recipe_is(recipe: AnyRecipe) -> None:
    longer = recipe.with_overrides({"time_limit_min": 5, "description": "longer"})
    assert longer != recipe
    assert longer.recipe_id == recipe.recipe_id
    assert recipe.with_overrides({"version": 9}).recipe_id != recipe.recipe_id
    assert recipe.with_overrides({}) is recipe

"""Recipes in words: a list of those that are found by name, and one with all it says."""

from __future__ import annotations

import textwrap
from pathlib import Path

from dsx.base import resources
from dsx.base.errors import DsxError
from dsx.base.text import align
from dsx.base.yaml import yaml_text
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import Recipe, load_recipe


def list_recipes() -> str:
    """All recipes that are found by name, with what each one is; a file with a fault is listed with the fault."""
    rows = [["", "data set", "pixels", "epochs", "about"]]
    for name, path in resources.names("experiments", "recipe").items():
        try:
            recipe = load_recipe(name)
        except DsxError as error:
            rows.append([name, "", "", "", f"cannot be read: {error}"])
            continue
        about = _about(recipe, path).partition(". ")[0].rstrip(".")
        if isinstance(recipe, Recipe):
            facts = [recipe.data.dataset, str(recipe.resolution), str(recipe.epochs)]
        else:
            facts = ["its own", "", ""]
        rows.append([name, *facts, about])
    return align(rows, left=5)


def describe_recipe(name: str) -> str:
    """What a recipe is for, how it trains in one line, and every field with its value, defaults too."""
    path = resources.find("experiments", name, group="recipe")
    recipe = load_recipe(name)
    fields = yaml_text({k: v for k, v in recipe.to_dict().items() if k not in ("name", "version", "description")}, 110)
    head = [text for text in (_about(recipe, path), recipe.describe()) if text]
    return "\n".join(
        [
            *head,
            "all fields; change one with recipe.FIELD=VALUE",
            textwrap.indent(fields.rstrip(), "  "),
            f"file: {path}",
        ]
    )


def _about(recipe: AnyRecipe, path: Path) -> str:
    """The recipe's description, or the comment that its file begins with."""
    if recipe.description:
        return recipe.description
    comments = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comments.append(line.lstrip("# ").rstrip())
    return " ".join(comments)

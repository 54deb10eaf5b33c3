"""`dsx recipes`: the recipes that are found by name, or one of them."""

from __future__ import annotations

from dsx.recipes.explain import describe_recipe, list_recipes


def recipes(name: str | None = None) -> str:
    """The named recipe in words, or the list of all. Raises DsxError."""
    return describe_recipe(name) if name else list_recipes()

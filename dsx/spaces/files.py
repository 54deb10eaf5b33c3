"""A space's YAML file: what it extends, what overrides change, where its plugins are.

A child file says only how it differs: mappings are merged key by key, a parameter with another
`distribution` replaces its parent's as a whole, lists are replaced, and null takes an entry away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsx import resources
from dsx.errors import DefinitionError
from dsx.spaces.distributions import from_shorthand
from dsx.spaces.plugins import read_plugins
from dsx.spaces.population import RECIPE_PREFIX
from dsx.yaml_files import read_yaml


def read_definition(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A file's content merged over all that it extends. Raises DefinitionError for bad YAML or a circle."""
    if path.resolve() in below:
        raise DefinitionError(
            f"{path}: extends = {path.stem!r}: a space cannot extend itself, directly or through others"
        )
    data = read_yaml(path)
    parent_name = data.pop("extends", None)
    data.setdefault("name", path.stem)
    if parent_name is None:
        return data
    if not isinstance(parent_name, str):
        raise DefinitionError(f"{path}: extends = {parent_name!r}: expected the name or path of one space")
    try:
        parent_path = resources.find("spaces", parent_name, beside=path)
    except DefinitionError as error:
        raise DefinitionError(f"{path}: extends = {parent_name!r}: {error}") from None
    parent = read_definition(parent_path, (*below, path.resolve()))
    own_words = {"description": "", "source": ""}
    return merge({**parent, **own_words}, data)


def lineage(name: str | Path) -> list[tuple[str, dict[str, Any]]]:
    """(space, what its own file says) from the first ancestor down to the space itself."""
    path = resources.find("spaces", str(name))
    data = read_yaml(path)
    parent = data.pop("extends", None)
    above = lineage(resources.find("spaces", parent, beside=path)) if parent else []
    return [*above, (data.get("name", path.stem), data)]


def merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """`child` laid over `parent`: mappings key by key, other values replaced, null removes."""
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif (
            isinstance(value, dict)
            and isinstance(old, dict)
            and value.get("distribution", old.get("distribution")) == old.get("distribution")
        ):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def assign(data: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a nested key; `recipe.lr` below parameters is one key."""
    head, _, rest = dotted.partition(".")
    if not rest:
        data.update(merge(data, {head: value}))
        if value is None:
            data.pop(head, None)
        return
    if head == "parameters" and rest.startswith(RECIPE_PREFIX):
        name, _, field = rest[len(RECIPE_PREFIX) :].partition(".")
        rest_path, keyed = field, data.setdefault(head, {}).setdefault(RECIPE_PREFIX + name, {})
        if rest_path:
            assign(keyed, rest_path, value)
        else:
            data[head][RECIPE_PREFIX + name] = value
        return
    inner = data.get(head)
    if inner is None or not isinstance(inner, dict):
        inner = {} if inner is None else from_shorthand(inner)
    data[head] = dict(inner)
    assign(data[head], rest, value)

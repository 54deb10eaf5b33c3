"""A space's YAML file: what it extends, what overrides change, where its plugins are.

A child file says only how it differs: mappings are merged key by key, a parameter with another
`distribution` replaces its parent's as a whole, lists are replaced, and null takes an entry away.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsx.base import resources
from dsx.base.errors import DefinitionError
from dsx.base.yaml import read_yaml
from dsx.spaces.distributions import from_shorthand
from dsx.spaces.orders import ORDERS
from dsx.spaces.plugins import parameters_in, read_plugins
from dsx.spaces.population import RECIPE_PREFIX

# fields of a distribution: the last part of a dotted key that is none of them belongs to a recipe's setting
_FIELDS = ("distribution", "low", "high", "step", "values", "weights", "mean", "std", "value", "parameter")


def read_definition(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A file's content merged over all that it extends. Raises DefinitionError for bad YAML or a circle."""
    if path.resolve() in below:
        raise DefinitionError(
            f"{path}: extends = {path.stem!r}: a space cannot extend itself, directly or through others"
        )
    data = read_yaml(path)
    parent_name = data.pop("extends", None)
    data.setdefault("name", path.stem)
    if "plugins" in data:
        data["plugins"] = read_plugins(data["plugins"], beside=path)
        try:
            written_out = parameters_in(data["plugins"], data.get("family"))
        except DefinitionError as error:
            raise DefinitionError(f"{path}: {error}") from error
        if written_out and isinstance(data.setdefault("parameters", {}), dict):
            data["parameters"] = merge(written_out, data["parameters"])
    if isinstance(data.get("device"), str):
        data["device"] = read_yaml(path.parent / data["device"])
    if parent_name is None:
        return merge({}, data)
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


def merge(parent: Mapping[str, object], child: Mapping[str, object]) -> dict[str, Any]:
    """`child` laid over `parent`: mappings key by key, other values replaced, null removes."""
    merged = dict(parent)
    for key, value in child.items():
        old = _expanded(merged.get(key)) if isinstance(value, dict) else None
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            same = old is not None and value.get("distribution", old.get("distribution")) == old.get("distribution")
            merged[key] = merge(old if same and old is not None else {}, value)
        else:
            merged[key] = value
    return merged


def _expanded(value: object) -> dict[str, Any] | None:
    """What a mapping is laid over: a mapping, or what a bare value (of a parameter) or an order's name stands for."""
    if isinstance(value, dict) or value is None:
        return value
    return {"order": value} if value in ORDERS else from_shorthand(value)


def assign(data: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a nested key; below parameters, `recipe.optimiser.lr` is one key."""
    path = dotted.split(".")
    if path[0] == "parameters" and dotted.startswith(f"parameters.{RECIPE_PREFIX}"):
        field = path[-1:] if path[-1] in _FIELDS and len(path) > 3 else []
        path = ["parameters", ".".join(path[1 : len(path) - len(field)]), *field]
    for key in reversed(path):
        value = {key: value}
    merged = merge(data, value)
    data.clear()
    data.update(merged)

"""What a space's definition is apart from its prose: the one rule by which two definitions are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsx.base.nested import content_hash, plain

# what readers are told and nothing depends on
PROSE = ("description", "source")


def identity(definition: Mapping[str, object]) -> dict[str, Any]:
    """A merged definition without prose and without the places of plugins' files.

    definition: complete, as `Space.to_dict` and `dsx.spaces.definition.completed` give it.
    """
    content = {key: value for key, value in plain(definition).items() if key not in PROSE}
    if "plugins" in content:
        content["plugins"] = [plugin["source"] for plugin in content["plugins"]]
    return content


def definition_hash(definition: Mapping[str, object]) -> str:
    """16 hexadecimal digits over everything that decides the population; not over name and prose."""
    return content_hash({key: value for key, value in identity(definition).items() if key != "name"})

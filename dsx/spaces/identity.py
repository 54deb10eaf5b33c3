"""What a space's definition is apart from its prose: the one rule by which two definitions are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsx.base.errors import DsxError
from dsx.base.nested import content_hash, plain

# what readers are told and nothing depends on
PROSE = ("description", "source")


def identity(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A merged definition (`Space.to_dict`, or a study's) without prose and without the places of plugins' files.

    What an older version wrote is completed by what a definition leaves out: two definitions of one space are equal.
    """
    content = {key: value for key, value in _completed(definition).items() if key not in PROSE}
    if "plugins" in content:
        content["plugins"] = [plugin["source"] for plugin in content["plugins"]]
    return content


def definition_hash(definition: Mapping[str, Any]) -> str:
    """16 hexadecimal digits over everything that decides the population; not over name and prose."""
    return content_hash({key: value for key, value in identity(definition).items() if key != "name"})


def _completed(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with every field; as it is where it is none of a space (a study of one network) or unreadable."""
    content: dict[str, Any] = plain(definition)
    if "family" not in content:
        return content
    from dsx.spaces.definition import space_from_dict

    try:
        return space_from_dict(content).to_dict()
    except DsxError:
        return content

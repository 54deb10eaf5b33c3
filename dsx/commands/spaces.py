"""`dsx spaces`: the design spaces that are found by name, one of them, or the JSON Schema of their files."""

from __future__ import annotations

from dsx.spaces.explain import describe_space, list_spaces
from dsx.spaces.json_schema import schema_text


def spaces(name: str | None = None, schema: bool = False, long: bool = False) -> str:
    """The schema if it is asked for; else the named space in words, or the list of all. Raises DsxError.

    long: the list with the size, images and constraint of each.
    """
    if schema:
        return schema_text()
    return describe_space(name) if name else list_spaces(long)

"""What other packages add to dsx by entry points."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

from dsx.base.errors import DsxError, first_line


def added(group: str) -> list[metadata.EntryPoint]:
    """The entry points of that group, in the order of their names."""
    return sorted(metadata.entry_points(group=group), key=lambda entry: entry.name)


def load(entry: metadata.EntryPoint, what: str, is_one: Callable[[object], bool], expected: str) -> Any:
    """The object that it names. what: `exhibit`; is_one, expected: what the object must be, and that in words.

    Raises DsxError, which names the package, if importing it raises anything or the object is something else.
    """
    package = f" of package {entry.dist.name}" if entry.dist else ""
    where, remedy = f"{what} '{entry.name}'{package} ({entry.value})", "mend or remove the package"
    try:
        loaded = entry.load()
    except Exception as error:
        told = f"{type(error).__name__}: {first_line(error)}"
        raise DsxError(f"{where}: cannot be loaded: {told}; {remedy}") from error
    if not is_one(loaded):
        raise DsxError(f"{where}: expected {expected}, found {type(loaded).__name__} {loaded!r:.60}; {remedy}")
    return loaded

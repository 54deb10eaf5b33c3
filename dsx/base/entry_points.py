"""What other packages add to dsx: objects that their entry points name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

from dsx.base.errors import DsxError


def added(group: str) -> dict[str, metadata.EntryPoint]:
    """Name → entry point of that group."""
    return {entry.name: entry for entry in metadata.entry_points(group=group)}


def loaded(entry: metadata.EntryPoint, what: str, fits: Callable[[object], bool], expected: str) -> Any:
    """The object that an entry point names. what: `launcher`; expected: what `fits` asks for, in words.

    Raises DsxError if it cannot be loaded, whatever its package does, or does not fit.
    """
    try:
        found = entry.load()
    except Exception as error:
        raise DsxError(
            f"{what} '{entry.name}' ({entry.value}): cannot be loaded: {type(error).__name__}: {error}; mend or remove"
            " the package that adds it"
        ) from error
    if not fits(found):
        raise DsxError(f"{what} '{entry.name}' ({entry.value}): expected {expected}")
    return found

"""Nested mappings: laying one over another, naming entries by dotted keys, telling what differs."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def assigned(content: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, Any]:
    """A copy of content with values replaced at dotted keys; a mapping is merged into the one that is there.

    `assigned({"a": {"b": 1, "c": 2}}, {"a.b": 3})` is `{"a": {"b": 3, "c": 2}}`.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(content))
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        place = changed
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        old = place.get(last)
        place[last] = assigned(old, value) if isinstance(value, Mapping) and isinstance(old, dict) else value
    return changed


def without(content: Mapping[str, object], keys: tuple[str, ...]) -> dict[str, Any]:
    """A copy of content without the entries at these dotted keys; those that are not there are no fault."""
    kept: dict[str, Any] = copy.deepcopy(dict(content))
    for dotted in keys:
        *parents, last = dotted.split(".")
        place: Any = kept
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return kept


def flat(content: Mapping[str, object]) -> dict[str, object]:
    """Dotted key → value that is no mapping, in order; an empty mapping is a value."""
    entries: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            entries |= {f"{key}.{inner}": deep for inner, deep in flat(value).items()}
        else:
            entries[str(key)] = value
    return entries


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, str]:
    """Dotted key → `before → after` (or `absent`) of every entry that differs; lists and tuples are alike."""
    before, after = flat(plain(old)), flat(plain(new))
    changes = {}
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in before or key not in after or before[key] != after[key]:
            changes[key] = f"{_shown(before, key)} → {_shown(after, key)}"
    return changes


def _shown(entries: Mapping[str, object], key: str) -> str:
    return str(entries[key]) if key in entries else "absent"


def plain(value: object, *, finite: bool = False, digits: int | None = None) -> Any:
    """The value as JSON and YAML give it back: tuples and arrays become lists, keys text, numbers Python's own.

    finite: numbers that are not become None. digits: so many are kept, and whole numbers become integers; with finite.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry, finite=finite, digits=digits) for key, entry in value.items()}
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [plain(entry, finite=finite, digits=digits) for entry in value]
    if finite and isinstance(value, float):
        if not math.isfinite(value):
            return None
        if digits is not None:
            return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.{digits}g}")
    return value


def canonical_json(value: object) -> str:
    """The content as text that equal contents share: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def content_hash(value: object, digits: int = 16) -> str:
    """That many hexadecimal digits over the content; the order of keys does not matter."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:digits]

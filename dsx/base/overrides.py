"""Overrides as people type them, `key=value`: the key ends at the first `=`, the value is read by Hydra's grammar.

So `[1, 2]`, `{a: 1}`, `null`, `1e-5` and `'quoted text'` mean what they mean to Hydra. What its grammar does not take,
or takes for a sweep over several values, is text as it stands: paths may hold any character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsx.base.errors import DsxError


@dataclass(frozen=True)
class Override:
    """One override. key: dotted. text: as it was typed. deleted: `~key` takes the key away (value is then None)."""

    key: str
    value: Any
    text: str
    deleted: bool = False


def parse_override(text: str) -> Override:
    """`n=48`, `+n=48`, `++n=48` or `~n`. Raises DsxError for what has no key or no `=`."""
    key, equals, value = text.partition("=")
    deleted = key.startswith("~")
    key = key.lstrip("+~").strip()
    if not key or any(letter.isspace() for letter in key) or not (equals or deleted):
        raise DsxError(f"override {text!r}: write key=value, as in recipe.epochs=4")
    return Override(key, None if deleted else parse_value(value), text, deleted)


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Dotted key → value; None for a key that is taken away. The last of several for one key holds. Raises DsxError."""
    return {override.key: override.value for override in map(parse_override, texts)}


def parse_value(text: str) -> Any:
    """The value that Hydra's grammar reads, else the text itself."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(f"key={text}")
    except HydraException:
        return text
    return text if parsed.is_sweep_override() else parsed.value()

"""The spaces that ship with dsx, as parameters of tests: some of them are quick tests, all of them slow ones."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dsx.base.resources import names

# of the names in their order, every so many is tried by the quick tests too
_QUICK_EVERY = 8


def some_quick(spaces: Iterable[str]) -> list[object]:
    """Parameters of a test, one for each name; all but every eighth are marked slow."""
    return [
        pytest.param(name, marks=[] if place % _QUICK_EVERY == 0 else [pytest.mark.slow])
        for place, name in enumerate(sorted(spaces))
    ]


def models_of(space: str, wanted: int) -> int:
    """So many models, or all that the space has."""
    return 1 if space == "RegNetY-cifar-best" else wanted


SHIPPED_SPACES = some_quick(names("spaces"))

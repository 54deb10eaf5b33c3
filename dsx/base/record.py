"""Results of several numbers: frozen dataclasses that can also be read as mappings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any


class Record(Mapping[str, Any]):
    """Base of a frozen dataclass whose fields can be read by name too: `plan.n` and `plan["n"]`, `dict(plan)`.

    Two records are equal if they hold the same, and so is a dictionary that does: declare subclasses with
    `@dataclass(frozen=True, eq=False)`.
    """

    def __getitem__(self, name: str) -> Any:
        if name not in names_of(type(self)):
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(names_of(type(self)))

    def __len__(self) -> int:
        return len(names_of(type(self)))


def names_of(record: type[Record]) -> tuple[str, ...]:
    """Names of a record's fields, in their order."""
    return tuple(field.name for field in dataclasses.fields(record))  # type: ignore[arg-type]

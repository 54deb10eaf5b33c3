"""What a walk decided so far, one record after the other: its state, besides the models.

A decision is recorded before it is carried out, and a walk that goes on takes every recorded decision as it stands, so
that whatever killed it, it ends as the undisturbed one does. A person's step is a record among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.base.errors import DsxError


class Journal:
    """Records in order; kept in a folder, one JSON file each, or in memory alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._records: list[dict[str, Any]] = []
        self._next = 0
        while folder is not None and (record := _read(folder, len(self._records) + 1)) is not None:
            self._records.append(record)

    @classmethod
    def in_memory(cls, records: Sequence[dict[str, Any]]) -> Journal:
        """One that holds these records and writes nothing."""
        journal = cls()
        journal._records = list(records)
        return journal

    def __len__(self) -> int:
        return len(self._records)

    @property
    def records(self) -> list[dict[str, Any]]:
        """All of them, the first first."""
        return list(self._records)

    @property
    def last(self) -> str:
        """Kind of the last record; empty if there is none."""
        return str(self._records[-1]["kind"]) if self._records else ""

    def rewind(self) -> None:
        """Read from the first record again."""
        self._next = 0

    def peek(self) -> dict[str, Any] | None:
        """The next record, if there is one, without taking it."""
        return self._records[self._next] if self._next < len(self._records) else None

    def take(self, kind: str, decide: Callable[[], Mapping[str, object]]) -> dict[str, Any]:
        """The next record, which is to be of that kind; decided and written if there is none yet."""
        record = self.peek()
        if record is None:
            return self.add(kind, decide())
        if record["kind"] != kind:
            place = f"record {self._next + 1}" if self.folder is None else _path(self.folder, self._next + 1)
            raise DsxError(
                f"{place}: expected a record of kind {kind}, found {record['kind']}: written by"
                " another version of dsx, or not of this walk; choose another folder with --out"
            )
        self._next += 1
        return record

    def add(self, kind: str, content: Mapping[str, object]) -> dict[str, Any]:
        """Write a record behind all others, and take it."""
        record = {"kind": kind, **content}
        if self.folder is not None:
            files.write_json(_path(self.folder, len(self._records) + 1), record)
        self._records.append(record)
        self._next = len(self._records)
        return record


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.json"


def _read(folder: Path, number: int) -> dict[str, Any] | None:
    record, problem = files.load_json(_path(folder, number))
    if problem:
        raise DsxError(f"{problem}; restore it from a copy, or begin again in another folder")
    return record

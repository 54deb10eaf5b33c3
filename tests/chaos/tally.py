"""What a part of the chaos counted, kept as it goes, and the table of all parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_COLUMNS = ("trials", "models", "lost", "twice", "differing", "tracebacks", "hangs")


@dataclass
class Tally:
    """trials: kills, faults or files. models: that were to be trained. lost: without a result in the end. twice: with
    two results, or two programs at work at once. differing: from an undisturbed run. tracebacks: of faults of dsx.
    """

    part: str
    trials: int = 0
    models: int = 0
    lost: int = 0
    twice: int = 0
    differing: int = 0
    tracebacks: int = 0
    hangs: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was counted that should not be."""
        return not (self.lost or self.twice or self.differing or self.tracebacks or self.hangs)

    def add(self, other: Tally) -> None:
        """Count another one's, of the same part, too."""
        for name in (*_COLUMNS, "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.remarks += other.remarks


class Ledger:
    """The tallies of all studies so far: a line of JSON each, so that an interrupted run keeps what it counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._entries = [(str(entry.pop("of")), Tally(**entry)) for entry in map(json.loads, lines)]

    def of(self, part: str) -> list[Tally]:
        """The tallies of a part, one a study."""
        return [tally for name, tally in self._entries if name == part]

    def add(self, part: str, tally: Tally) -> None:
        """Keep one."""
        self._entries.append((part, tally))
        with self._path.open("a") as file:
            file.write(json.dumps({"of": part} | asdict(tally)) + "\n")

    def totals(self) -> list[Tally]:
        """One for each kind, in the order in which they came."""
        return sums(tally for _, tally in self._entries)


def sums(tallies: Iterable[Tally]) -> list[Tally]:
    """The sum of each part's, in the order in which the parts come."""
    totals: dict[str, Tally] = {}
    for tally in tallies:
        totals.setdefault(tally.part, Tally(tally.part)).add(tally)
    return list(totals.values())


def table(tallies: Sequence[Tally]) -> str:
    """As Markdown."""
    lines = [f"| | {' | '.join(_COLUMNS)} |", f"|---{'|---:' * len(_COLUMNS)}|"]
    lines += [f"| {t.part} | {' | '.join(_cells(t))} |" for t in tallies]
    return "\n".join(lines)


def _cells(tally: Tally) -> list[str]:
    """Numbers; a dash for what is counted of models where there are none."""
    of_models = ("models", "lost", "twice", "differing")
    return ["–" if name in of_models and not tally.models else f"{getattr(tally, name):,}" for name in _COLUMNS]

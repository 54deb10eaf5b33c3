"""What a part of the chaos counted, and the table of all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    remarks: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was counted that should not be."""
        return not (self.lost or self.twice or self.differing or self.tracebacks or self.hangs)


def table(tallies: Sequence[Tally]) -> str:
    """As Markdown."""
    lines = [f"| | {' | '.join(_COLUMNS)} |", f"|---{'|---:' * len(_COLUMNS)}|"]
    lines += [f"| {t.part} | {' | '.join(_cells(t))} |" for t in tallies]
    return "\n".join(lines)


def _cells(tally: Tally) -> list[str]:
    """Numbers; a dash for what is counted of models where there are none."""
    of_models = ("models", "lost", "twice", "differing")
    return ["–" if name in of_models and not tally.models else f"{getattr(tally, name):,}" for name in _COLUMNS]

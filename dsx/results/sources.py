"""Where a result column of a table from elsewhere comes from: a column of another name, a factor, 100 less it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsx.base.errors import DsxError, suggest
from dsx.results.arrays import Table
from dsx.results.columns import ELSEWHERE, measured

_FORMULA = re.compile(r"(100\s*-\s*)?(?:(\d+\.?\d*(?:[eE]\+?\d+)?)\s*\*\s*)?(.+)")


@dataclass(frozen=True)
class ColumnSource:
    """Where a result column comes from: 100 − factor·column, or factor·column. sure: a factor was given."""

    column: str
    factor: float = 1.0
    complement: bool = False
    sure: bool = False

    def __str__(self) -> str:
        return f"{'100 − ' if self.complement else ''}{f'{self.factor:g}·' if self.factor != 1 else ''}'{self.column}'"


def source(text: str, columns: Sequence[str]) -> ColumnSource:
    """`100-acc`, `1e9*gflops`, `top1` → where a result comes from; the name of a column is taken as it is."""
    if text in columns:
        return ColumnSource(text)
    match = _FORMULA.fullmatch(text.strip())
    assert match is not None, "every text but the empty one is a formula"
    return ColumnSource(match[3], float(match[2] or 1), bool(match[1]), match[2] is not None)


def has_column(text: str, columns: Sequence[str]) -> bool:
    """Whether what was given for a result column names a column of the table."""
    return bool(text.strip()) and source(text, columns).column in columns


def sources_in(
    table: Table, path: Path, given: Mapping[str, str], named_otherwise: bool = False
) -> dict[str, ColumnSource]:
    """Where each result column comes from: as given, or a column of that name, letter case ignored.

    named_otherwise: whether what is compared may be named like no error.
    """
    names = list(map(str, table.columns))
    sources = {}
    for ours in ELSEWHERE:
        theirs = given.get(ours, "")
        alike = [name for name in names if name.casefold() == ours] + (
            [name for name in names if name.casefold() == "status"] if ours == "state" else []
        )
        if (not theirs or theirs == ours) and ours not in names and alike:
            theirs = alike[0]
        if theirs or ours in names:
            sources[ours] = source(theirs or ours, names)
    for ours, used in sources.items():
        if used.column not in names:
            raise DsxError(f"{path}: no column '{used.column}' {_missing(ours, used.column, names)}")
        if used.complement and ours not in ("error", "best_error"):
            raise DsxError(f"{path}: {ours}={given[ours]}: only an error is 100 − something: write {ours}=COLUMN")
    if not named_otherwise:
        _check_error_name(sources["error"], path)
    return sources


def _missing(ours: str, theirs: str, names: Sequence[str]) -> str:
    """What to say of a column that is not there: near misses, and columns that might hold it."""
    what = "of errors" if ours == "error" else f"of {ours}"
    shown = f"Columns: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}; name the right one: {ours}=COLUMN"
    likely = [name for name in names if measured(name) == "higher"] if ours == "error" else []
    if likely:
        name = likely[0]
        shown += f", or error=100-{name} if '{name}' is an accuracy in percent, 'error=100-100*{name}' if it is a share"
    return f"{what}.{suggest(theirs, names)} {shown}"


def _check_error_name(used: ColumnSource, path: Path) -> None:
    """Refuse an outcome that is no error, unless a factor says that it is meant."""
    better, name = measured(used.column), used.column
    if used.sure or used.complement or better in (None, "") or "err" in name.casefold():
        return
    remedy = f"error=100-{name} (percent), 'error=100-100*{name}' (shares), or " if better == "higher" else ""
    raise DsxError(
        f"{path}: '{name}' is named like no error: write {remedy}'error=1*{name}' if it is one, in percent; to compare"
        f" by it as it is: error={name} better={better}"
    )

"""`dsx narrow`: suggestions for a narrower space, and the space that they make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsx.commands.selection import chosen
from dsx.narrowing import account


def narrow(
    folders: Sequence[str], parameters: str = "", out: Path | None = None, take: str = "", level: float = 0.95
) -> account.Narrowing:
    """What the best models of these studies share, in words; the rules that are taken are written to `out`.

    parameters: names with commas between; empty: all. take: numbers of rules, likewise; empty: the supported ones.
    Raises DsxError.
    """
    numbers = [int(n) if n.strip().isdigit() else 0 for n in filter(None, take.split(","))]
    names = [name.strip() for name in parameters.split(",") if name.strip()]
    return account.narrow(chosen(folders), names, out, numbers, level)

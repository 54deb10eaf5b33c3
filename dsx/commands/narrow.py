"""`dsx narrow`: suggestions for a narrower space, and the space that they make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.commands.selection import chosen
from dsx.narrowing import account


def narrow(
    folders: Sequence[str], parameters: str = "", out: Path | None = None, take: str = "", level: float = 0.95
) -> account.Narrowing:
    """What the best models of these studies share, in words; the rules that are taken are written to `out`.

    parameters: names with commas between; empty: all. take: numbers of rules, likewise; empty: the supported ones.
    Raises DsxError.
    """
    numbers = list(filter(None, map(str.strip, take.split(","))))
    if not all(n.isdecimal() for n in numbers):
        raise DsxError(f"--take {take}: expected numbers of the rules listed, as in 1,3")
    names = [name.strip() for name in parameters.split(",") if name.strip()]
    return account.narrow(chosen(folders), names, out, list(map(int, numbers)), level)

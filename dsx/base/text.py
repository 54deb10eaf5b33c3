"""Plain-text output: aligned columns and the words around them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dsx.base.nested import plain


def align(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of cells as aligned lines; the first `left` columns flush left, the others right. First row: the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def json_text(value: object) -> str:
    """The value as one line of JSON; numbers that are not finite are null."""
    return json.dumps(plain(value, finite=True), ensure_ascii=False, default=str)


def plural(count: int, noun: str) -> str:
    """`1 model`, `24 models`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

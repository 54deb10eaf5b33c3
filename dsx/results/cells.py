"""Text of a table's cells as numbers: percent signs, decimal commas, thousands marks, suffixes such as 400M.

What can be read in one way is read; what could mean two things is said to be ambiguous, and whoever asked decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dsx.results.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

# cells that hold no value, in the spellings of those who write tables
NOTHING = frozenset(
    ("", "nan", "na", "n/a", "none", "null", "nil", "nat", "-", "–", "—", "?", "#n/a", "<na>", "missing")
)
_SUFFIXES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_MARKS = str.maketrans(
    {"−": "-", "\u00a0": None, "\u202f": None, "\u2009": None, "'": None, "’": None, "_": None, " ": None}
)
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|∞)", re.IGNORECASE)
# with a comma or several dots: 1,234,567 and 1.234.567; 1.234,5 and 1,234.5; 60,5
_GROUPED = {
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?"),
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?"),
}
Comma = Literal["decimal", "thousands", "unknown"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of cells as numbers."""

    values: Floats  # (n,), NaN where a cell holds nothing
    percent: Literal["all", "some", "none"]  # whether cells carry a percent sign
    ambiguous: str = ""  # a cell such as `1,234` that left open which mark is the decimal one


def numbers_in(cells: pd.Series, comma: Comma = "unknown", suffixes: bool = False) -> Numbers | str:
    """The numbers in a column of cells, or the first cell that holds none.

    comma: what a comma before three digits is where the column does not tell. suffixes: whether 400M is a number.
    """
    import pandas as pd

    if cells.dtype.kind in "iufb":
        return Numbers(cells.to_numpy(np.float64, na_value=np.nan), "none")
    cells = cells.astype(object)
    plain = pd.to_numeric(cells, errors="coerce")
    texts = cells.where(cells.notna(), "").astype(str).str.strip()
    filled = ~texts.str.casefold().isin(NOTHING)
    if plain[filled].notna().all():
        return Numbers(plain.to_numpy(np.float64, na_value=np.nan), "none")
    kept = texts[filled]
    signed = kept.str.endswith("%")
    bare = kept.str.rstrip("% ").str.translate(_MARKS)
    ambiguous, decimal = "", "."
    with_comma = bare[bare.str.contains(",", regex=False)]
    if len(with_comma) or bare.str.count(r"\.").gt(1).any():
        decimal, ambiguous = _decimal_mark(bare.tolist(), comma)
    values = np.full(len(cells), np.nan)
    for place, text, cell in zip(np.flatnonzero(filled), bare, kept, strict=True):
        value = _number(text, decimal, suffixes)
        if value is None:
            return str(cell)
        values[place] = value
    return Numbers(values, "all" if signed.all() else "some" if signed.any() else "none", ambiguous)


def _decimal_mark(texts: list[str], comma: Comma) -> tuple[str, str]:
    """The decimal mark of a column, and a cell that left it open."""
    for text in texts:
        if "," in text and "." in text:
            return max(",.", key=text.rfind), ""
        if text.count(",") > 1:
            return ".", ""
        if text.count(".") > 1:
            return ",", ""
    open_cell = ""
    for text in texts:
        if "," in text:
            if not _GROUPED[","].fullmatch(text):
                return ",", ""
            open_cell = open_cell or text
    return {"decimal": ",", "thousands": ".", "unknown": "."}[comma], "" if comma != "unknown" else open_cell


def _number(text: str, decimal: str, suffixes: bool) -> float | None:
    """A number with that decimal mark; None if it is none."""
    scale = 1.0
    if suffixes and text and text[-1] in _SUFFIXES:
        text, scale = text[:-1], _SUFFIXES[text[-1]]
    other = "," if decimal == "." else "."
    if other in text:
        if not _GROUPED[other].fullmatch(text):
            return None
        text = text.replace(other, "")
    text = text.replace(",", ".")
    if not _PLAIN.fullmatch(text):
        return None
    return float(text.replace("∞", "inf")) * scale

"""Numbers as people write them: `400M`, `1.6G`, `4e8`, and ranges `360M:400M`, `:10M`."""

from __future__ import annotations

import math
import re

from dsx.base.errors import DsxError

_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kKMGT]?)")


def parse_number(text: str | float) -> float:
    """`'400M'` → 4e8. Suffixes k, M, G, T are powers of 1000. Raises DsxError for anything else."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    match = _NUMBER.fullmatch(str(text).strip())
    if match is None:
        raise DsxError(f"{text!r} is not a number: write it as 400M, 1.6G or 4e8")
    return float(match[1]) * _SUFFIXES[match[2]]


def parse_count(text: str) -> int:
    """`'500'`, `'1e3'` and `'10k'` as whole numbers. Raises DsxError for anything else."""
    if re.fullmatch(r"\s*[+-]?\d+\s*", text):
        return int(text)  # exact, however large
    match = _NUMBER.fullmatch(text.strip())
    number = float(match[1]) * _SUFFIXES[match[2]] if match else math.nan
    if not number.is_integer():
        raise DsxError(f"{text!r} is not a whole number: write it as 500, 1e3 or 10k")
    return int(number)


def parse_range(text: str) -> tuple[float, float]:
    """`'360M:400M'` → (3.6e8, 4e8), both ends inclusive; an end left out is unbounded.

    Raises DsxError if it is not a range, a number is negative, or the range is empty.
    """
    low_text, colon, high_text = str(text).partition(":")
    if not colon or not (low_text.strip() or high_text.strip()):
        raise DsxError(f"{text!r} is not a range: write low:high, low: or :high, as in 360M:400M")
    low = parse_number(low_text) if low_text.strip() else 0.0
    high = parse_number(high_text) if high_text.strip() else math.inf
    if low < 0 or high < 0:
        raise DsxError(f"{text!r} holds a negative number: a complexity is ≥ 0")
    if low > high:
        raise DsxError(
            f"{text!r} is an empty range: its low end is above its high end;"
            f" did you mean {high_text.strip()}:{low_text.strip()}?"
        )
    return low, high


def format_number(value: float, digits: int = 4) -> str:
    """4e8 → `400M`, 12.5e6 → `12.5M`: up to `digits` significant digits, the largest suffix that fits."""
    if not math.isfinite(value):
        return "∞" if value > 0 else str(value)
    for suffix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= scale:
            return f"{value / scale:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def format_range(low: float, high: float) -> str:
    """(3.6e8, 4e8) → `360M:400M`; what `parse_range` reads."""
    return f"{format_number(low, 15) if low > 0 else ''}:{format_number(high, 15) if math.isfinite(high) else ''}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `4.8 h`, `3.2 d`: two significant digits at least, never a false precision."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} d"


def short(value: float) -> str:
    """Three digits, or all before the point, with a true minus: `0.123`, `−45.6`, `1,240`."""
    digits = f"{abs(value):,.0f}" if abs(value) >= 100 else f"{abs(value):.3g}"
    return f"−{digits}" if value < 0 else digits


def rate(models_per_hour: float) -> str:
    """`17.4 models/h`, `720 models/h`, `1,240 models/h`."""
    return f"{short(models_per_hour)} models/h"


def format_percent(share: float) -> str:
    """0.123 → `12`, 0.0026 → `0.26`, 0.9999 → `100`: a share in percent with two digits, without the sign."""
    return f"{100 * share:.{2 if share < 0.995 else 3}g}"

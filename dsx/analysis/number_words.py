"""Numbers as the sentences of an analysis write them: as many decimals as their interval deserves."""

from __future__ import annotations

import math


def decimals(low: float, high: float) -> int:
    """Decimals that resolve an interval: 1 for a width of 0.5 or more, up to 3 for narrow ones."""
    width = abs(high - low)
    if not math.isfinite(width) or width == 0 or width >= 0.5:
        return 1
    return 2 if width >= 0.05 else 3


def number(value: float, places: int = 1) -> str:
    """1.04 → `1.0`, −0.1 → `−0.1` with a true minus sign; NaN → `–`."""
    if math.isnan(value):
        return "–"
    text = f"{value:.{places}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def points(value: float, low: float, high: float) -> str:
    """A value with the decimals of its interval."""
    return number(value, decimals(low, high))


def in_points(value: float) -> str:
    """`0.5 points`, `1 point`."""
    return f"{value:g} point{'' if value == 1 else 's'}"


def spread(low: float, high: float, places: int | None = None) -> str:
    """`0.4–1.6`, `−0.6 to 0.4` where an end is negative; a bound that could not be had is `–`."""
    places = decimals(low, high) if places is None else places
    between = " to " if low < 0 or high < 0 else "–"
    return f"{number(low, places)}{between}{number(high, places)}"


def with_interval(value: float, low: float, high: float, places: int | None = None) -> str:
    """`49.0 (48.2–49.8)`; without the bracket where there is no interval."""
    places = decimals(low, high) if places is None else places
    between = "" if math.isnan(low) and math.isnan(high) else f" ({spread(low, high, places)})"
    return f"{number(value, places)}{between}"

"""Numbers as the cells of the report's tables."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from dsx.analysis.number_words import with_interval
from dsx.base.units import format_number, short
from dsx.recipes.metric import Metric

if TYPE_CHECKING:
    import pandas as pd

_Row: TypeAlias = "Mapping[Hashable, Any] | pd.Series[Any]"


def value_cell(row: _Row, name: str, places: int | None = None) -> str:
    """A value of a row with its interval: columns NAME, NAME_low and NAME_high."""
    return with_interval(*with_ends(row, name), places)


def with_ends(row: _Row, name: str) -> tuple[float, float, float]:
    """A value of a row and the ends of its interval: columns NAME, NAME_low and NAME_high."""
    return float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])


def pvalue_cell(p: float) -> str:
    """`p = 0.012`, `p < 0.001`."""
    return "–" if math.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def short_cell(value: float) -> str:
    """Three digits: 0.153, 24.5, 1,360, 4.2M."""
    return format_number(value) if abs(value) >= 1e5 else short(value)


def of_metric(words: str, metric: Metric) -> str:
    """What is said of every error, or of any, said of the metric."""
    return re.sub(r"\b(every|any) error\b", lambda said: f"{said[1]} {metric.words}", words)

"""One row per study: models by state, lowest, mean and median error with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsx.analysis.best_of_k import best_of_k
from dsx.analysis.bootstrap import mean_interval, models_for_mean
from dsx.analysis.quantiles import quantile_interval
from dsx.base.record import Record
from dsx.results.arrays import Table, frame
from dsx.results.samples import Errors, as_sample
from dsx.results.states import STATES, count_states, finished


@dataclass(frozen=True, eq=False)
class ErrorSummary(Record):
    """Lowest, mean and median error of n models, percent, each with its interval; a mapping too."""

    n: int
    min_error: float
    min_error_low: float
    min_error_high: float
    mean_error: float
    mean_error_low: float
    mean_error_high: float
    median_error: float
    median_error_low: float
    median_error_high: float


def summarize_errors(errors: Errors, level: float = 0.95) -> ErrorSummary:
    """Lowest, mean and median error in percent, each with its interval.

    The mean's interval is the BCa bootstrap (`mean_interval`), NaN below 64 models (`models_for_mean`); the median's
    is exact, from order statistics (`quantile_interval`). The lowest error has that of what n fresh models would reach
    on average (`best_of_k`), which is conservative. An interval that n is too small for is NaN.
    """
    values = as_sample(errors)
    lowest = best_of_k(values, [values.size], level)
    mean = mean_interval(values, level) if values.size >= models_for_mean(level) else (math.nan, math.nan)
    return ErrorSummary(
        values.size,
        float(values.min()), float(lowest.low[0]), float(lowest.high[0]),
        float(values.mean()), *mean,
        float(np.median(values)), *quantile_interval(values, 0.5, level),
    )  # fmt: skip


def summarize(tables: Mapping[str, Table], level: float = 0.95) -> Table:
    """One row per study: study, models, runs, each state's count, then `summarize_errors` of its finished models.

    tables: name → results table. n: models that count (done and diverged). A study without any
    finished model keeps its row, with n = 0 and NaN statistics. Raises DsxError for a malformed table.
    """
    rows = []
    for name, table in tables.items():
        counts = count_states(table)
        states = {name: getattr(counts, name) for name in _COUNTS}
        errors = finished(table)["error"].to_numpy(dtype=float)
        statistics = summarize_errors(errors, level) if errors.size else _EMPTY
        rows.append({"study": name, **states, **statistics})
    return frame(rows, ["study", *_COUNTS, *_EMPTY])


_COUNTS = ("models", "runs", *STATES)
_EMPTY = ErrorSummary(0, *[math.nan] * 9)

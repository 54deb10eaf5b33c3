"""One row per study: models by state, lowest, mean and median error with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dsx.analysis.bootstrap import mean_interval
from dsx.analysis.quantiles import min_interval, quantile_interval
from dsx.results.samples import Errors, frame, sample_array
from dsx.results.states import count_states, finished

if TYPE_CHECKING:
    import pandas as pd


def summarize_errors(errors: Errors, level: float = 0.95) -> dict[str, float]:
    """n, and min_error, mean_error, median_error in percent, each with `_low` and `_high`.

    The mean's interval is the BCa bootstrap (`mean_interval`); the median's is exact, from order
    statistics (`quantile_interval`); the minimum's is the exact percentile bootstrap (`min_interval`),
    whose low end is the minimum itself. An interval that n is too small for is NaN.
    """
    values = sample_array(errors)
    row: dict[str, float] = {"n": values.size}
    intervals = {
        "min_error": (values.min(), min_interval(values, level)),
        "mean_error": (values.mean(), mean_interval(values, level)),
        "median_error": (np.median(values), quantile_interval(values, 0.5, level)),
    }
    for name, (value, (low, high)) in intervals.items():
        row |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    return row


def summarize(tables: Mapping[str, pd.DataFrame], level: float = 0.95) -> pd.DataFrame:
    """One row per study: study, models, runs, each state's count, then `summarize_errors` of its finished models.

    tables: name → results table. n: models that count (done and diverged). A study without any
    finished model keeps its row, with n = 0 and NaN statistics. Raises DsxError for a malformed table.
    """
    rows = []
    for name, table in tables.items():
        counts = count_states(table)
        states = {s: getattr(counts, s) for s in ("models", "runs", "done", "diverged", "failed", "running", "pending")}
        errors = finished(table)["error"].to_numpy(dtype=float)
        statistics = summarize_errors(errors, level) if errors.size else _EMPTY
        rows.append({"study": name, **states, **statistics})
    return frame(rows, ["study", "models", "runs", *_STATE_COLUMNS, *_EMPTY])


_STATE_COLUMNS = ("done", "diverged", "failed", "running", "pending")
_EMPTY: dict[str, float] = {"n": 0} | {
    f"{name}_error{end}": math.nan for name in ("min", "mean", "median") for end in ("", "_low", "_high")
}

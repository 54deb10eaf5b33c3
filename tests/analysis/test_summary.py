from __future__ import annotations

import numpy as np
import pytest

from dsx.analysis import mean_interval, quantile_interval, summarize, summarize_errors


def test_summary_has_one_row_per_study_with_counts_and_intervals(mixed, table):
    frame = summarize({"AnyNetXA": mixed, "AnyNetXE": table(np.linspace(1, 3, 30))})
    assert frame["study"].tolist() == ["AnyNetXA", "AnyNetXE"]
    first = frame.iloc[0]
    assert (first["models"], first["n"], first["done"], first["diverged"], first["failed"]) == (24, 23, 22, 1, 1)
    errors = mixed["error"].dropna().to_numpy()
    assert first["mean_error"] == pytest.approx(errors.mean())
    assert (first["mean_error_low"], first["mean_error_high"]) == mean_interval(errors)
    assert (first["median_error_low"], first["median_error_high"]) == quantile_interval(errors)
    assert first["min_error"] == first["min_error_low"] == errors.min()


def test_summary_keeps_the_row_of_an_empty_study(table):
    row = summarize({"A": table([np.nan], ["pending"])}).iloc[0]
    assert row["n"] == 0
    assert row["pending"] == 1
    assert np.isnan(row["mean_error"])


def test_one_model_has_values_without_intervals():
    row = summarize_errors([4.0])
    assert row["min_error"] == row["mean_error"] == row["median_error"] == 4
    assert all(np.isnan(row[f"{name}_error_{end}"]) for name in ("min", "mean", "median") for end in ("low", "high"))

from __future__ import annotations

import numpy as np
import pytest

from dsx.analysis import best_of_k, mean_interval, quantile_interval, summarize, summarize_errors


def test_summary_has_one_row_per_study_with_counts_and_intervals(mixed, table):
    frame = summarize({"AnyNetXA": mixed, "AnyNetXE": table(np.linspace(1, 3, 30))})
    assert frame["study"].tolist() == ["AnyNetXA", "AnyNetXE"]
    first = frame.iloc[0]
    assert (first["models"], first["n"], first["done"], first["diverged"], first["failed"]) == (24, 23, 22, 1, 1)
    errors = mixed["error"].dropna().to_numpy()
    assert first["mean_error"] == pytest.approx(errors.mean())
    assert np.isnan([first["mean_error_low"], first["mean_error_high"]]).all()  # of fewer than 64
    assert (first["median_error_low"], first["median_error_high"]) == quantile_interval(errors)
    curve = best_of_k(errors, [23])
    assert (first["min_error_low"], first["min_error_high"]) == (curve.low[0], curve.high[0])
    assert first["min_error_low"] < first["min_error"] == errors.min() < first["min_error_high"]


def test_the_mean_has_an_interval_from_64_models_on_and_from_96_where_it_is_to_hold_more_often():
    errors = np.random.default_rng(0).gamma(2, 1, 96)
    assert summarize_errors(errors[:64])["mean_error_low"] == mean_interval(errors[:64])[0]
    assert np.isnan(summarize_errors(errors[:63])["mean_error_low"])
    assert np.isnan(summarize_errors(errors[:95], level=0.99)["mean_error_low"])
    assert summarize_errors(errors, level=0.99)["mean_error_high"] == mean_interval(errors, 0.99)[1]


def test_summary_keeps_the_row_of_an_empty_study(table):
    row = summarize({"A": table([np.nan], ["pending"])}).iloc[0]
    assert row["n"] == 0
    assert row["pending"] == 1
    assert np.isnan(row["mean_error"])


def test_one_model_has_values_without_intervals():
    row = summarize_errors([4.0])
    assert row["min_error"] == row["mean_error"] == row["median_error"] == 4
    assert all(np.isnan(row[f"{name}_error_{end}"]) for name in ("min", "mean", "median") for end in ("low", "high"))

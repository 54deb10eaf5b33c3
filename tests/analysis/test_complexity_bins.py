from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.complexity_bins import error_by_complexity


def test_bins_hold_the_mean_and_spread_of_their_models():
    rng = np.random.default_rng(0)
    tables = {name: pd.DataFrame({"error": rng.gamma(2, 1, 90), "flops": rng.uniform(1, 2, 90)}) for name in "ab"}
    bins = error_by_complexity(tables, "flops", 5)
    whole = np.concatenate([table["flops"] for table in tables.values()])
    cut = pd.cut(tables["b"]["flops"], np.linspace(whole.min(), whole.max(), 6), right=False, labels=False)
    expected = tables["b"]["error"].groupby(cut.fillna(4)).agg(["size", "mean", "std"])
    rows = bins[bins["study"] == "b"]
    assert rows["n"].tolist() == expected["size"].tolist()
    assert rows["mean"].to_numpy() == pytest.approx(expected["mean"].to_numpy())
    assert rows["sd"].to_numpy() == pytest.approx(expected["std"].to_numpy())
    assert bins.groupby("study")["n"].sum().tolist() == [90, 90]


def test_wide_ranges_are_cut_on_a_log_scale_and_unknown_sizes_left_out():
    table = pd.DataFrame({"error": [1.0, 2.0, 3.0, 4.0], "acts": [1.0, 10.0, 100.0, np.nan]})
    bins = error_by_complexity({"a": table}, "acts", 2)
    assert bins["low"].tolist() == pytest.approx([1, 10])
    assert bins["n"].tolist() == [1, 2]
    assert np.isnan(bins["sd"].iloc[0])


def test_equal_sizes_are_one_bin_and_no_column_is_none():
    same = pd.DataFrame({"error": [1.0, 3.0], "flops": 5.0})
    (row,) = error_by_complexity({"a": same}).to_dict("records")
    assert (row["low"], row["high"], row["mean"]) == (5, 5, 2)
    assert error_by_complexity({"a": same}, "params").empty

"""Columns that are read against the error."""

from __future__ import annotations

import pandas as pd

from dsx.exhibits.explored import explored_columns


def test_structure_comes_first_and_measurements_are_left_out():
    table = pd.DataFrame({"error": [1.0], "depth": [3], "flops": [1e6], "total_depth": [9], "seconds": [2.0]})
    assert explored_columns({"a": table}) == ["total_depth", "depth"]


def test_a_column_of_any_study_counts_once():
    a, b = pd.DataFrame({"error": [1.0], "w": [3]}), pd.DataFrame({"error": [1.0], "w": [3], "g": [8]})
    assert explored_columns({"a": a, "b": b}) == ["w", "g"]

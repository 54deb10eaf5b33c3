"""Columns that are read against the error."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dsx.exhibits.explored import distinct_columns, explored_columns


def test_structure_comes_first_and_measurements_are_left_out():
    table = pd.DataFrame({"error": [1.0], "depth": [3], "flops": [1e6], "total_depth": [9], "seconds": [2.0]})
    assert explored_columns({"a": table}) == ["total_depth", "depth"]


def test_structure_that_a_parameter_says_already_is_no_column_of_its_own():
    rng = np.random.default_rng(0)
    width = rng.choice([8, 16, 24, 32], 50)
    table = pd.DataFrame({"error": rng.normal(5, 1, 50), "state": "done", "first_width": width, "width_1": width})
    table = table.assign(width_2=rng.choice([8, 16, 24], 50), last_width=rng.choice([8, 16], 50), same=3)
    assert distinct_columns(table) == ["last_width", "width_1", "width_2"]


def test_structure_that_is_alike_is_said_once():
    rng = np.random.default_rng(0)
    width, depth = rng.choice([8, 16, 24, 32], 50), rng.choice([3, 4, 5], 50)
    table = pd.DataFrame({"error": rng.normal(5, 1, 50), "state": "done", "first_width": width, "last_width": width})
    assert distinct_columns(table.assign(total_depth=depth, depth_1=rng.choice([1, 2], 50))) == [
        "total_depth", "first_width", "depth_1",
    ]  # fmt: skip


def test_a_column_of_any_study_counts_once():
    a, b = pd.DataFrame({"error": [1.0], "w": [3]}), pd.DataFrame({"error": [1.0], "w": [3], "g": [8]})
    assert explored_columns({"a": a, "b": b}) == ["w", "g"]

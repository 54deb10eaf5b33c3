"""The data of the interactive charts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dsx.analysis import best_range, edf
from dsx.analysis.tables import best_ranges_table
from dsx.report.charts import MAX_POINTS, chart_data, points_drawn


def table(n: int, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"model_id": [f"m{i}" for i in range(n)], "state": "done", "error": rng.gamma(2, 1, n), "depth": np.arange(n)}
    ).assign(**columns)


def charts(**tables: pd.DataFrame) -> dict[str, Any]:
    models = {name: rows for name, rows in tables.items() if len(rows)}
    curves = {name: edf(rows["error"]) for name, rows in models.items()}
    return chart_data(tables, curves, best_ranges_table(models, ["depth"]), 0.95)


def test_points_are_in_the_order_of_the_errors_with_their_share():
    (study,) = charts(A=table(5))["studies"]
    assert study["error"] == sorted(study["error"])
    assert study["share"] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert study["rank"] == [1, 2, 3, 4, 5]


def test_of_very_many_models_some_are_drawn_the_best_and_the_worst_among_them():
    n = 3 * MAX_POINTS
    models = table(n)
    (study,) = charts(A=models)["studies"]
    assert (points_drawn(10), points_drawn(n)) == (10, MAX_POINTS)
    assert len(study["error"]) == MAX_POINTS
    assert study["rank"][0] == 1
    assert study["rank"][-1] == n
    assert study["n"] == n


def test_numbers_that_are_not_finite_are_null():
    rows = table(4, error=[1.0, 2.0, 3.0, 4.0], depth=[1.0, np.nan, np.inf, 2.0])
    data = charts(A=rows)
    assert data["studies"][0]["values"]["depth"] == [1, None, None, 2]
    assert "NaN" not in json.dumps(data, allow_nan=False)


def test_studies_without_models_are_left_out_and_keep_their_colour():
    (beside,) = charts(none=table(0), A=table(4))["studies"]
    (alone,) = charts(A=table(4))["studies"]
    assert (beside["name"], alone["name"]) == ("A", "A")
    assert beside["color"] != alone["color"]


def test_ranges_are_those_of_the_table():
    rows = table(40)
    (study,) = charts(A=rows)["studies"]
    assert study["ranges"]["depth"] == list(best_range(rows["depth"], rows["error"]))

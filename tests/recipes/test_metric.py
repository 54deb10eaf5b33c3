from __future__ import annotations

import pytest

from dsx.recipes.metric import ERROR, Metric


@pytest.mark.parametrize(
    ("unit", "better", "value", "error"),
    [("%", "lower", 30.0, 30.0), ("%", "higher", 30.0, 70.0), ("", "higher", 2.5, -2.5), ("s", "lower", 2.5, 2.5)],
)
def test_of_an_error_less_is_better_and_the_value_comes_back(
    unit: str, better: str, value: float, error: float
) -> None:
    metric = Metric(name="m", unit=unit, better=better)
    assert metric.as_error(value) == error
    assert metric.from_error(error) == value


def test_a_metric_is_called_by_its_label_or_else_its_name() -> None:
    assert Metric(name="map", better="higher", label="mean AP").words == "mean AP"
    assert ERROR.words == "error"
    assert (ERROR.percent, ERROR.better) == (True, "lower")

"""What columns are called on an axis."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.plots.labels import axis


@pytest.mark.parametrize(
    ("name", "values", "label", "scaled"),
    [
        ("flops", [3.6e8, 4e8], "flops (M multiply-adds)", [360, 400]),
        ("flops", [2e9, 4e8], "flops (G multiply-adds)", [2, 0.4]),
        ("params", [1500.0], "parameters (k)", [1.5]),
        ("error", [49.0], "top-1 error (%)", [49]),
        ("width_3", [64.0], "width of stage 3 (channels)", [64]),
        ("own_thing", [1.0], "own thing", [1]),
        ("sqrt(flops)", [2e4], "√flops (flops in M multiply-adds)", [20]),
    ],
)
def test_a_label_has_the_unit_that_its_values_are_in(name, values, label, scaled):
    found, numbers = axis(name, values)
    assert found == label
    np.testing.assert_allclose(numbers, scaled)


def test_values_that_are_not_finite_do_not_choose_the_unit():
    label, values = axis("flops", [np.nan, 5e6])
    assert label == "flops (M multiply-adds)"
    np.testing.assert_allclose(values, [np.nan, 5])

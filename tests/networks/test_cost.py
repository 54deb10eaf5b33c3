"""Costs add up by metric, of one network and of many at once."""

from __future__ import annotations

import numpy as np

from dsx.networks.cost import METRICS, Complexity


def test_costs_add_up_metric_by_metric():
    total = Complexity(1, 20, 300) + Complexity(4, 50, 600)
    assert total == Complexity(flops=5, params=70, acts=900)
    assert isinstance(total, Complexity)


def test_a_layer_repeated_costs_so_many_times_as_much():
    assert Complexity(1, 20, 300).times(3) == Complexity(3, 60, 900)


def test_costs_of_many_networks_are_counted_together():
    one = Complexity(*(np.array(v) for v in ([1, 2], [3, 4], [5, 6])))
    added = one + one.times(np.array([0, 2]))
    assert np.stack(added).tolist() == [[1, 6], [3, 12], [5, 18]]


def test_metrics_are_named_in_the_order_of_the_numbers():
    assert dict(zip(METRICS, Complexity(1, 2, 3), strict=True)) == {"flops": 1, "params": 2, "acts": 3}

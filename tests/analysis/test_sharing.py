"""Sharing is free where it costs nothing, and diverged models cannot make it look so."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.analysis.sharing import MARGIN, sharing_cost


def population(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Values of four stages, how many differ, and a generator."""
    rng = np.random.default_rng(seed)
    values = rng.choice([1.0, 2, 4], (n, 4))
    return values, np.array([np.unique(row).size for row in values]), rng


def test_sharing_that_costs_nothing_is_found_with_enough_models() -> None:
    values, _, rng = population(900, 0)
    cost = sharing_cost(values, rng.normal(size=900))
    assert cost is not None
    assert cost.free
    assert abs(cost.cost) < MARGIN


def test_the_cost_is_the_chance_to_lose_against_models_as_they_are() -> None:
    values, distinct, rng = population(4000, 1)
    errors = rng.normal(size=4000) - 0.4 * distinct
    shared, others = errors[distinct == 1], errors
    chance = (others[None, :] < shared[:, None]).mean()
    cost = sharing_cost(values, errors)
    assert cost is not None
    assert not cost.free
    assert 0.5 + cost.cost == pytest.approx(chance, abs=0.03)


@pytest.mark.slow
def test_a_cost_at_the_margin_is_seldom_called_free() -> None:
    """Each further value lowers the error by as much as makes sharing cost the margin."""
    free = 0
    for seed in range(200):
        values, distinct, rng = population(300, seed)
        step = 0.25 / (distinct.mean() - 1)
        cost = sharing_cost(values, rng.normal(size=300) - step * distinct)
        free += cost is not None and cost.free
    assert free <= 18  # 5 % of 200 is 10; P(more than 18) < 1 %


def test_diverged_models_do_not_stretch_the_scale() -> None:
    values, _, rng = population(200, 2)
    errors = rng.normal(5, 1, 200)
    costs = []
    for chance in (90.0, 1e6):
        errors[:6] = chance
        costs.append(sharing_cost(values, errors))
    assert costs[0] == costs[1]


def test_nothing_is_said_where_all_models_have_equally_many_values() -> None:
    values = np.tile([1.0, 2.0, 3.0, 4.0], (50, 1))
    assert sharing_cost(values, np.arange(50.0)) is None
    mixed = values.copy()
    mixed[:3] = 1.0
    cost = sharing_cost(mixed, np.arange(50.0))
    assert cost is not None
    assert cost.few == 3
    assert not cost.free

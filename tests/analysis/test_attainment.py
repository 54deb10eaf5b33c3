"""Error and cost at once: counted by brute force, and by laws that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsx.analysis.attainment import attained, chance_within, joint_difference, joint_edf
from dsx.analysis.edf import edf
from dsx.base.errors import DsxError

RNG = np.random.default_rng(3)
ERRORS, COSTS = np.round(RNG.uniform(5, 50, 60), 1), RNG.integers(1, 40, 60).astype(float)


def uniform(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors uniform in (0, 100), costs uniform in (0, 1), independent: p(e, t) = e/100 · t."""
    rng = np.random.default_rng([seed, 77])
    return rng.uniform(0, 100, n), rng.uniform(0, 1, n)


def test_the_joint_edf_counts_models_below_an_error_and_within_a_cost():
    joint = joint_edf(ERRORS, COSTS)
    for e, t in ((ERRORS[4], COSTS[9]), (20.0, 12.0), (0.0, 99.0), (99.0, 0.0), (99.0, 99.0)):
        assert joint(e, t) == sum(error < e and cost <= t for error, cost in zip(ERRORS, COSTS, strict=True)) / 60
    assert joint(np.array([[10.0], [30.0]]), np.array([5.0, 20.0, 40.0])).shape == (2, 3)


def test_without_a_limit_on_cost_it_is_the_edf():
    joint, curve = joint_edf(ERRORS, COSTS), edf(ERRORS)
    assert joint(ERRORS, math.inf).tolist() == curve(ERRORS).tolist()


def test_the_chance_of_so_many_draws_and_its_exact_interval():
    joint = joint_edf(ERRORS, COSTS)
    share = joint(20.0, 12.0)
    chance, low, high = chance_within(joint, 5, 20.0, 12.0)
    assert chance == pytest.approx(1 - (1 - share) ** 5)
    assert low < chance < high
    nothing = chance_within(joint, 5, 0.0, 99.0)
    assert nothing[:2] == (0.0, 0.0)
    # no model of 60 seen: p at most 1 − 0.025^(1/60)
    assert nothing[2] == pytest.approx(1 - 0.025 ** (5 / 60))


def test_intervals_of_the_chance_hold_the_truth():
    truth = 1 - (1 - 0.3 * 0.5) ** 4
    held = 0
    for seed in range(200):
        _, low, high = chance_within(joint_edf(*uniform(40, seed)), 4, 30.0, 0.5, level=0.9)
        held += low <= truth <= high
    assert held >= 180


def test_what_is_attained_is_the_quantile_of_the_best_of_so_many():
    """Brute force: of many draws of m models, the median of the lowest error within the cost."""
    curve = attained(joint_edf(ERRORS, COSTS), 5, costs=[10.0, 20.0, 40.0])
    rng = np.random.default_rng(0)
    for cost, error in zip(curve.cost, curve.error, strict=True):
        drawn = rng.integers(0, 60, (40_000, 5))
        best = np.where(COSTS[drawn] <= cost, ERRORS[drawn], np.inf).min(axis=1)
        assert (best <= error).mean() >= 0.49
        below = np.sort(ERRORS[cost >= COSTS])
        before = below[np.flatnonzero(below < error)[-1]] if (below < error).any() else -1.0
        assert (best <= before).mean() < 0.51


def test_more_cost_attains_no_more_error_and_the_band_holds_the_curve():
    curve = attained(joint_edf(*uniform(300, 0)), 10)
    assert curve.cost.size == 12
    assert (np.diff(curve.error) <= 0).all()
    known = np.isfinite(curve.error) & np.isfinite(curve.low)
    assert (curve.low[known] <= curve.error[known]).all()
    assert (curve.error <= curve.high).all()


def test_the_band_holds_the_true_curve_at_all_costs_at_once():
    costs = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    truth = 100 * (1 - 0.5 ** (1 / 10)) / costs
    held = 0
    for seed in range(200):
        curve = attained(joint_edf(*uniform(120, seed)), 10, costs=costs, level=0.9)
        low = np.where(np.isnan(curve.low), -np.inf, curve.low)
        held += bool(((low <= truth) & (truth <= curve.high)).all())
    assert held >= 180


def test_where_nothing_is_within_a_cost_nothing_is_attained():
    curve = attained(joint_edf(ERRORS, COSTS), 2, costs=[0.5])
    assert curve.error.tolist() == [np.inf]
    assert curve.high.tolist() == [np.inf]


def test_the_difference_of_two_spaces_is_that_of_their_shares():
    a, b = joint_edf(*uniform(50, 1)), joint_edf(*uniform(70, 2))
    found = joint_difference(a, b)
    for i in (0, 7, found.error.size - 1):
        for j in (0, 11, found.cost.size - 1):
            e, t = found.error[i], found.cost[j]
            assert found.difference[i, j] == pytest.approx(a(e, t) - b(e, t))
    assert found.difference[-1, -1] == 0
    mirrored = joint_difference(b, a)
    assert mirrored.ahead(1)[0] == pytest.approx(found.ahead(-1)[0])


@pytest.mark.slow
def test_two_of_one_law_are_seldom_told_apart_and_a_better_one_is():
    lead = []
    for seed in range(60):
        found = joint_difference(
            joint_edf(*uniform(60, seed)), joint_edf(*uniform(60, 1000 + seed)), 0.9, resamples=300
        )
        lead.append(np.abs(found.difference).max() > found.half_width)
    assert np.mean(lead) <= 0.2
    errors, costs = uniform(150, 5)
    found = joint_difference(joint_edf(0.6 * errors, costs), joint_edf(*uniform(150, 6)))
    ahead, error, cost = found.ahead(1)
    assert ahead > found.half_width
    assert 20 < error < 70
    assert cost > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: joint_edf(ERRORS, COSTS[:3]),
            "costs of shape (3,) for 60 errors: expected one for each",
        ),
        (
            lambda: joint_edf(ERRORS, np.where(COSTS[0] < COSTS, np.inf, COSTS)),
            f"costs: {(COSTS[0] < COSTS).sum()} of 60 are no finite numbers: leave out those models",
        ),
        (lambda: attained(joint_edf(ERRORS, COSTS), 0), "draws = 0: expected an integer ≥ 1"),
        (lambda: attained(joint_edf(ERRORS, COSTS), 2, 1.0), "chance = 1.0: expected a number between 0 and 1"),
    ],
)
def test_what_cannot_be_is_told(call, message):
    with pytest.raises(DsxError) as refusal:
        call()
    assert str(refusal.value) == message

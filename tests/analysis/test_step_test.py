"""The test of one step: its level over all looks, its power, and what the error left is after failures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from error_laws import LAWS
from scipy import stats

from dsx.analysis.rank_test import sorted_rank_test
from dsx.analysis.step_test import (
    LookSchedule,
    error_left,
    look_at,
    looks_within,
    no_worse_pvalue,
    one_sided,
    schedule,
    widened,
)
from dsx.analysis.verdict import Margin

LOOKS = LookSchedule((16, 32), (0.5, 0.5))


def decided(difference: float, seed: int, looks: LookSchedule, alpha: float, margin: Margin | None = None) -> str:
    """What a test decides on normal errors, the narrower space's better by so many standard deviations."""
    rng = np.random.default_rng([3, seed])
    narrow, wide = rng.normal(-difference, 1, looks.models[-1]), rng.normal(0, 1, looks.models[-1])
    for at, n in enumerate(looks.models):
        look = look_at(narrow[:n], wide[:n], looks, at, alpha, margin)
        if look.outcome != "undecided" or look.hopeless:
            return look.outcome
    return "undecided"


def test_p_values_are_those_of_an_independent_test() -> None:
    rng = np.random.default_rng(1)
    narrow, wide = rng.normal(-0.4, 1, 60), rng.normal(0, 1.5, 50)
    look = look_at(narrow, wide, LookSchedule((50,), (1.0,)), 0, 0.05)
    expected = stats.brunnermunzel(narrow, wide, alternative="less").pvalue
    assert look.better == pytest.approx(expected, rel=0.15)
    assert look.chance == pytest.approx(np.mean(narrow[:, None] < wide[None, :]))
    mirrored = look_at(wide, narrow, LookSchedule((50,), (1.0,)), 0, 0.05)
    assert mirrored.better == pytest.approx(1 - look.better)


def test_equal_spaces_are_called_better_no_more_often_than_all_looks_together_may() -> None:
    wrong = [decided(0, seed, LOOKS, 0.1) == "better" for seed in range(400)]
    assert stats.binomtest(sum(wrong), 400, 0.1, alternative="greater").pvalue > 0.01
    assert sum(wrong) > 8  # the level is used


def test_a_space_worse_by_the_margin_is_called_no_worse_no_more_often_than_it_may() -> None:
    margin = Margin(0.1)
    worse = -math.sqrt(2) * stats.norm.ppf(0.6)
    wrong = [decided(worse, seed, LOOKS, 0.1, margin) != "undecided" for seed in range(400)]
    assert stats.binomtest(sum(wrong), 400, 0.1, alternative="greater").pvalue > 0.01
    assert sum(wrong) > 8


def test_one_standard_deviation_is_seen_and_stops_early() -> None:
    looks = schedule(looks_within(64, simpler=False), False, 0.025)
    assert sum(decided(1, seed, looks, 0.025) == "better" for seed in range(100)) > 90


def test_what_cannot_be_decided_any_more_is_given_up() -> None:
    ahead, behind = np.linspace(0, 1, 16), np.linspace(0.5, 1.5, 16)
    assert look_at(behind, ahead, LOOKS, 0, 0.05).hopeless
    assert not look_at(ahead + 0.4, behind, LOOKS, 0, 0.05).hopeless


def test_too_few_models_decide_nothing() -> None:
    look = look_at(np.array([1.0]), np.array([2.0, 3.0]), LOOKS, 0, 0.05)
    assert (look.outcome, look.better, look.hopeless) == ("undecided", 1.0, False)


def test_no_worse_in_points_is_the_test_of_errors_moved_by_the_margin() -> None:
    rng = np.random.default_rng(2)
    a, b = np.sort(rng.normal(0.1, 1, 40)), np.sort(rng.normal(0, 1, 40))
    test = sorted_rank_test(a, b)
    moved = no_worse_pvalue(test, a, b, Margin(1.0, "points"), 10_000)
    assert moved == one_sided(sorted_rank_test(a, b + 1))
    assert no_worse_pvalue(test, a, b, Margin(0.2), 10_000) < no_worse_pvalue(test, a, b, Margin(0.05), 10_000)
    equal = np.zeros(10)
    assert no_worse_pvalue(sorted_rank_test(equal, equal), equal, equal, Margin(0.1), 10_000) == pytest.approx(0.8**10)


def test_a_margin_to_all_models_is_wider_to_those_that_break_the_rule() -> None:
    # where 30 % keep a rule, a chance of 0.4 against the rest is one of 0.3 · 0.5 + 0.7 · 0.4 against all
    assert widened(Margin(0.07), 0.3).value == pytest.approx(0.1)
    assert widened(Margin(0.1), 0.95).value == 0.45
    assert widened(Margin(1, "points"), 0.5) == Margin(1, "points")


def test_all_that_may_ever_be_allowed_adds_up_to_the_level() -> None:
    allowed: list[float] = []
    for step in range(300):
        allowed.append(error_left(0.95, allowed) * (0.5, 0.25, 0.9)[step % 3])
    assert min(allowed) > 0
    assert math.fsum(allowed) == pytest.approx(0.05)
    assert allowed[:4] == pytest.approx([0.025, 0.00625, 0.016875, 0.0009375])


@pytest.mark.slow
def test_a_walk_over_many_false_candidates_errs_no_more_often_than_its_level() -> None:
    """Whatever is tested, and in whatever order: p-values of true hypotheses are uniform at worst."""
    rng = np.random.default_rng(4)
    false = 0
    for _ in range(4000):
        failed: list[float] = []
        for _ in range(30):
            true_step = rng.random() < 0.3
            allowed = error_left(0.95, failed) * rng.choice([0.25, 0.5, 0.9])
            accepted = rng.random() < (0.7 if true_step else allowed)
            if accepted and not true_step:
                false += 1
                break
            failed += [] if accepted else [allowed]
    assert stats.binomtest(false, 4000, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize(
    ("most", "simpler", "models"),
    [
        (15, False, ()),
        (16, False, (16,)),
        (20, False, (16, 20)),
        (40, False, (16, 40)),
        (60, False, (16, 32, 48, 60)),
        (500, False, (16, 32, 48, 64, 96)),
        (23, True, ()),
        (30, True, (24, 30)),
        (60, True, (24, 48, 60)),
        (70, True, (24, 48, 70)),
        (133, True, (24, 48, 64, 96, 133)),
        (500, True, (24, 48, 64, 96, 128, 160)),
    ],
)
def test_looks_are_planned_within_the_budget(most: int, simpler: bool, models: tuple[int, ...]) -> None:
    assert looks_within(most, simpler) == models


@pytest.mark.parametrize("simpler", [False, True])
def test_a_schedule_errs_as_often_as_it_is_allowed(simpler: bool) -> None:
    """By the joint normal law of its looks, as scipy integrates it."""
    looks = schedule(looks_within(100, simpler), simpler, 0.0125)
    bounds = -stats.norm.ppf([looks.level_of(k, 0.0125) for k in range(len(looks.models))])
    n = np.array(looks.models, dtype=float)
    correlation = np.sqrt(np.minimum.outer(n, n) / np.maximum.outer(n, n))
    law = stats.multivariate_normal(cov=correlation, seed=1, abseps=1e-6, maxpts=1_000_000)
    assert 1 - law.cdf(bounds) == pytest.approx(0.0125, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_small_looks_err_no_more_often_than_they_may_whatever_the_law(law: str) -> None:
    """Equal spaces at 16 and 24 models of each, where the normal law of the looks is furthest from theirs."""
    looks = schedule((16, 24), False, 0.05)
    wrong = 0
    for seed in range(1500):
        rng = np.random.default_rng([5, seed])
        narrow, wide = LAWS[law](rng, 24), LAWS[law](rng, 24)
        made = [look_at(narrow[:n], wide[:n], looks, at, 0.05) for at, n in enumerate(looks.models)]
        wrong += any(look.outcome == "better" for look in made)
    assert stats.binomtest(wrong, 1500, 0.05, alternative="greater").pvalue > 0.01
    assert wrong > 30  # the level is used

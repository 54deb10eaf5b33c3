"""Sides are judged by what decides the errors, not by what is tied to it."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.analysis.narrow import Judgement, Side, judge, rank_agreement

SIDES = [Side(k, end) for k in range(4) for end in ("low", "high")]


def quantities_of(n: int, seed: int) -> np.ndarray:
    """(n, 4): two that are tied (correlation −0.6), one free, one that is the first but for noise."""
    rng = np.random.default_rng([1, seed])
    first = rng.normal(size=n)
    return np.stack([first, -0.6 * first + 0.8 * rng.normal(size=n), rng.normal(size=n),
                     0.7 * first + 0.7 * rng.normal(size=n)], axis=1)  # fmt: skip


REFERENCE = quantities_of(4000, seed=99)


def judged(effect, seed: int, n: int = 100, level: float = 0.95) -> list[Judgement]:
    values = quantities_of(n, seed)
    rng = np.random.default_rng([2, seed])
    errors = 5 + effect(values) + rng.normal(size=n)
    errors[rng.random(n) < 0.03] = 90.0
    return judge(values, errors, REFERENCE, SIDES, level, seed)


def supported(judgements: list[Judgement]) -> set[tuple[int, str]]:
    return {(j.side.column, j.side.end) for j in judgements if j.supported(0.95)}


@pytest.mark.slow
def test_noise_alone_is_seldom_taken_for_a_side() -> None:
    fooled = sum(bool(supported(judged(lambda v: 0.0, seed))) for seed in range(100))
    assert fooled <= 11  # 5 % of 100 is 5; P(more than 11) < 1 %


@pytest.mark.slow
def test_the_side_that_decides_is_found_and_what_is_tied_to_it_is_not() -> None:
    """One standard deviation where the first quantity is high; the others go with it and decide nothing."""
    right = wrong = 0
    for seed in range(60):
        sides = supported(judged(lambda v: 1.15 * (v[:, 0] > 0), seed))
        right += (0, "high") in sides
        wrong += bool(sides - {(0, "high")})
    assert right >= 40  # P(fewer) < 1 % at a power of 0.8, with rivals this close
    assert wrong <= 8


def test_both_ends_of_a_window_are_found() -> None:
    sides = supported(judged(lambda v: 3.0 * (np.abs(v[:, 2]) > 0.6), seed=3, n=200))
    assert sides == {(2, "low"), (2, "high")}


def test_models_of_a_side_are_those_within_the_limit_and_beyond_the_cut() -> None:
    (side,) = [
        j for j in judged(lambda v: 3.0 * (np.abs(v[:, 2]) > 0.6), seed=3, n=200)
        if (j.side.column, j.side.end) == (2, "low")
    ]  # fmt: skip
    values = quantities_of(200, 3)[:, 2]
    inside = side.kept & side.judged
    assert -0.9 < values[side.kept].min() < -0.3
    assert 0.3 < values[side.judged].max() < 0.9
    assert values[~side.kept].max() < values[side.kept].min()
    assert np.array_equal(inside, (values >= values[side.kept].min()) & (values <= values[side.judged].max()))


def test_a_proxy_names_the_quantity_that_explains_it() -> None:
    (proxy,) = [
        j for j in judged(lambda v: 3.0 * (v[:, 0] > 0), seed=1, n=200) if (j.side.column, j.side.end) == (3, "high")
    ]
    assert proxy.pvalue <= 0.05
    assert proxy.explained
    assert proxy.rival == 0
    assert proxy.rival_pvalue > 0.05


def test_judgements_are_a_function_of_their_arguments() -> None:
    first, again = (judged(lambda v: v[:, 0], seed=5) for _ in range(2))
    assert [(j.pvalue, j.rival_pvalue, j.distance) for j in first] == [
        (j.pvalue, j.rival_pvalue, j.distance) for j in again
    ]


def test_diverged_models_weigh_as_the_last_ranks_whatever_their_error() -> None:
    values = quantities_of(60, 0)
    errors = np.random.default_rng(0).normal(5, 1, 60)
    sides = SIDES[:4]
    pvalues = []
    for chance in (90.0, 1e6):
        errors[:2] = chance
        pvalues.append([j.pvalue for j in judge(values, errors, REFERENCE, sides)])
    assert pvalues[0] == pvalues[1]


def test_favoured_sides_and_others_share_the_level() -> None:
    values, errors = quantities_of(80, 0), np.random.default_rng(0).normal(5, 1, 80)
    alone = judge(values, errors, REFERENCE, [Side(0, "low")])
    halved = judge(values, errors, REFERENCE, [Side(0, "low", favoured=True), Side(1, "low")])
    assert halved[0].pvalue == pytest.approx(min(1.0, 2 * alone[0].pvalue))


def test_equal_errors_and_constant_quantities_support_nothing() -> None:
    values = np.column_stack([quantities_of(30, 0)[:, 0], np.ones(30)])
    reference = np.column_stack([REFERENCE[:, 0], np.ones(4000)])
    judgements = judge(values, np.full(30, 2.0), reference, [Side(0, "low"), Side(1, "low")])
    assert [j.side.column for j in judgements] == [0]
    assert judgements[0].pvalue == 1
    assert rank_agreement(reference)[0, 1] == 0


@pytest.mark.slow
def test_a_window_is_seen_where_neither_end_is_alone() -> None:
    """Of the pairs of ends that one look at the window supports, a look at each end for itself misses some."""
    whole = apart = 0
    for seed in range(20):
        values = quantities_of(120, seed)[:, [2]]
        rng = np.random.default_rng([2, seed])
        errors = 5 + 1.1 * (np.abs(values[:, 0]) > 0.5) + rng.normal(size=120)
        free = np.random.default_rng([3, seed]).normal(size=(120, 5))
        table, reference = np.hstack([values, free]), np.random.default_rng(7).normal(size=(3000, 6))
        ends = [[Side(k, end) for k in range(6)] for end in ("low", "high")]
        both = judge(table, errors, reference, [*ends[0], *ends[1]])
        whole += any(j.supported(0.95) for j in both if j.side.column == 0)
        # half of the level for either end
        apart += any(
            j.pvalue <= 0.025 for sides in ends for j in judge(table, errors, reference, sides) if j.side.column == 0
        )
    assert whole > apart

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis.permutation import BATCH
from dsx.analysis.rank_test import PERMUTED, rank_test, smallest_n, smallest_pvalue, sorted_rank_test

samples = st.lists(st.integers(0, 6).map(float), min_size=2, max_size=5)


def brute_force(a, b):
    """Superiority, and Brunner and Munzel's variance, from all pairs of models."""
    wins = np.array([[(x < y) + 0.5 * (x == y) for y in b] for x in a])
    return wins.mean(), wins.mean(axis=1).var(ddof=1) / len(a) + wins.mean(axis=0).var(ddof=1) / len(b)


def arcsine(chance, variance):
    if variance < 1e-18:
        return 0.0 if chance == 0.5 else math.copysign(math.inf, chance - 0.5)
    return (2 * math.asin(math.sqrt(chance)) - math.pi / 2) * math.sqrt(chance * (1 - chance) / variance)


@pytest.mark.slow
@given(samples, samples)
@settings(max_examples=40, deadline=None)
def test_small_samples_p_is_that_of_all_relabellings_by_brute_force(a, b):
    result = rank_test(a, b)
    observed = arcsine(*brute_force(a, b))
    assert result.superiority == pytest.approx(brute_force(a, b)[0])
    assert result.standard_error == pytest.approx(math.sqrt(brute_force(a, b)[1]))
    assert result.statistic == pytest.approx(observed, abs=1e-9)
    pooled = np.array(a + b)
    extreme = []
    for chosen in itertools.combinations(range(pooled.size), len(a)):
        mask = np.isin(np.arange(pooled.size), chosen)
        relabelled = arcsine(*brute_force(pooled[mask], pooled[~mask])) * math.copysign(1, observed)
        extreme.append(relabelled >= abs(observed) - 1e-9)
    floor = 2 / math.comb(2 * min(len(a), len(b)), min(len(a), len(b)))
    expected = 1.0 if observed == 0 else min(1.0, max(floor, 2 * np.mean(extreme)))
    assert result.pvalue == pytest.approx(expected)


@given(samples, samples)
@settings(deadline=None)
def test_swapping_mirrors(a, b):
    one, other = rank_test(a, b), rank_test(b, a)
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-12)
    assert other.superiority == pytest.approx(1 - one.superiority)
    assert other.interval() == pytest.approx(tuple(1 - end for end in one.interval()[::-1]), abs=1e-9)


def test_swapping_mirrors_drawn_relabellings():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 20), rng.normal(0.6, 1, 20)
    assert rank_test(a, b).method == "permutation"
    assert rank_test(a, b).pvalue == rank_test(b, a).pvalue


def test_large_samples_agree_with_brunner_and_munzel():
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, 1, 150), rng.gamma(2, 1.1, 120)
    result, oracle = rank_test(a, b), stats.brunnermunzel(a, b)
    assert result.method == "Brunner–Munzel"
    assert result.pvalue == pytest.approx(oracle.pvalue, rel=0.2)


def test_drawn_p_agrees_with_students_t_where_both_are_good():
    rng = np.random.default_rng(2)
    a, b = rng.gamma(2, 1, PERMUTED), rng.gamma(2, 1.1, 200)
    result = rank_test(a, b)
    assert result.method == "permutation"
    assert result.pvalue == pytest.approx(2 * stats.t.sf(abs(result.statistic), result.freedom), rel=0.3)


def test_p_falls_no_lower_than_the_smaller_population_allows():
    three, many = np.arange(3.0), np.arange(10.0, 510.0)
    assert rank_test(three, many).pvalue == smallest_pvalue(3) == 0.1
    assert rank_test(three, three + 9).pvalue == 0.1
    assert rank_test([1.0], many).pvalue == 1
    assert [smallest_n(alpha) for alpha in (0.05, 0.05 / 15)] == [4, 6]


@pytest.mark.parametrize("n", [2, 30, 100])
def test_all_equal_is_a_coin_toss(n):
    result = sorted_rank_test(np.full(n, 5.0), np.full(n, 5.0))
    assert (result.superiority, result.statistic, result.pvalue) == (0.5, 0, 1)
    low, high = result.interval()
    assert 0 <= low < 0.5 < high <= 1


@pytest.mark.parametrize("n", [10, 100])
def test_wholly_apart_has_an_interval_that_holds_for_any_distribution(n):
    result = rank_test(np.arange(n), np.arange(n) + 1000.0)
    low, high = result.interval(0.95)
    assert (result.superiority, high) == (1, 1)
    assert low**n == pytest.approx(0.025)  # n disjoint pairs all agree


@pytest.mark.parametrize(("n_a", "n_b"), [(8, 8), (16, 40), (40, 40)])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_interval_covers(n_a, n_b, shift):
    rng = np.random.default_rng([n_a, n_b])
    truth, hits = stats.norm.cdf(shift / math.sqrt(2)), 0
    for _ in range(800):
        low, high = sorted_rank_test(
            np.sort(rng.normal(0, 1, n_a)), np.sort(rng.normal(shift, 1, n_b)), draws=BATCH
        ).interval()
        hits += low <= truth <= high
    assert hits / 800 >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("n", [40, 80])
def test_level_is_kept_far_into_the_tail_by_students_t(n):
    rng = np.random.default_rng(n)
    tests = [sorted_rank_test(np.sort(rng.random(n)), np.sort(rng.random(n))) for _ in range(4000)]
    assert {test.method for test in tests} <= {"Brunner–Munzel", "none"}
    pvalues = np.array([test.pvalue for test in tests])
    assert 0.040 <= np.mean(pvalues <= 0.05) <= 0.057
    assert np.mean(pvalues <= 0.005) <= 0.0075

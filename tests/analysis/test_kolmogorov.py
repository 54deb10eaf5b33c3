from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import ks_test

SIDES = ("two-sided", "greater", "less")


def distance(a, b, side):
    apart = np.array([np.mean(a <= e) - np.mean(b <= e) for e in np.concatenate([a, b])])
    return max({"two-sided": np.abs(apart), "greater": apart, "less": -apart}[side].max(), 0)


def brute(a, b, side):
    """Share of all ways to deal the errors out that set the curves at least as far apart."""
    pooled, far, ways = np.concatenate([a, b]), 0, 0
    for chosen in itertools.combinations(range(pooled.size), a.size):
        picked = np.isin(np.arange(pooled.size), chosen)
        far += distance(pooled[picked], pooled[~picked], side) >= distance(a, b, side) - 1e-12
        ways += 1
    return far / ways


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(6))
def test_pvalue_of_tied_errors_is_that_of_all_ways_to_deal_them_out(side, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 2 + seed, rng.integers(1, 7)).astype(float) for _ in range(2))
    found = ks_test(a, b, side)
    assert found == pytest.approx((distance(a, b, side), brute(a, b, side)))


@pytest.mark.parametrize("side", SIDES)
def test_one_tie_among_many_errors_changes_next_to_nothing(side):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 90), rng.normal(0.3, 1, 61)
    nearly = np.append(b[:-1], a[0])
    oracle = stats.ks_2samp(a, np.append(b[:-1], a[0] + 1e-9), side)
    assert ks_test(a, nearly, side) == pytest.approx((oracle.statistic, oracle.pvalue), rel=0.05)


@pytest.mark.slow
def test_a_test_of_tied_errors_rejects_as_often_as_it_says():
    # of two populations of one law with six values; the p-value that supposes no ties rejects far too seldom
    rejected = untied = 0
    for repeat in range(2000):
        rng = np.random.default_rng([9, repeat])
        a, b = rng.binomial(5, 0.5, 40), rng.binomial(5, 0.5, 40)
        rejected += ks_test(a, b)[1] <= 0.05
        untied += stats.ks_2samp(a, b).pvalue <= 0.05
    assert 0.02 <= rejected / 2000 <= 0.055
    assert untied / 2000 < 0.015


def test_many_tied_errors_have_the_pvalue_of_the_limit():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 12_000).round(1), rng.normal(0.01, 1, 12_000).round(1)
    found = ks_test(a, b)
    half = ks_test(a[:6000], b[:6000])
    assert found[0] == pytest.approx(stats.ks_2samp(a, b).statistic)
    assert found[1] <= stats.ks_2samp(a, b).pvalue
    assert ks_test(a, b) == found
    # the exact p-value of half of them, at the distance that means as much
    assert half[1] <= stats.ks_2samp(a[:6000], b[:6000]).pvalue
    assert ks_test(a, b + 1)[1] < 1e-6


def test_populations_that_are_the_same_are_not_told_apart():
    assert ks_test([5.0] * 10, [5.0] * 4) == (0, 1)

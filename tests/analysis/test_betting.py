"""Bets on pairs of models: exact wealths, by listing and step by step, and intervals that hold at all looks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis.betting import SPLIT, STAKES, log_wealth, log_wealth_of_counts, rank_bets, superiority_sequence


def test_shares_are_ranks_among_the_pair_and_all_before_it():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 15).astype(float), rng.integers(0, 6, 15).astype(float)
    for i, share in enumerate(rank_bets(a, b).shares):
        ranks = stats.rankdata(np.concatenate([[a[i], b[i]], a[:i], b[:i]]))
        assert share == pytest.approx((ranks[1] - ranks[0]) / (2 * i + 2))


def test_bets_on_the_first_models_do_not_hang_on_later_ones():
    rng = np.random.default_rng(0)
    a, b = rng.random(300), rng.random(300)
    whole, start = rank_bets(a, b), rank_bets(a[:77], b[:77])
    assert (whole.shares[:77] == start.shares).all()
    assert (whole.charges[:77] == start.charges).all()


def test_wealth_is_that_of_a_bettor_pair_by_pair():
    rng = np.random.default_rng(0)
    bets = rank_bets(rng.random(30), rng.random(30) + 0.3)
    wealth = np.zeros(30)
    for stake, split in zip(STAKES, SPLIT, strict=True):
        money = split
        for i in range(30):
            money *= (1 + stake * bets.shares[i]) * np.exp(-(stake**2) * bets.charges[i])
            wealth[i] += money
    assert np.exp(log_wealth(bets)) == pytest.approx(wealth)
    assert sum(SPLIT) == pytest.approx(1)


def test_wealth_is_not_expected_to_grow_when_populations_are_equal():
    """All orders of two pairs' models are equally likely: the mean wealth over them, by listing, is at most 1."""
    wealths = [log_wealth(rank_bets(np.array(p[:3]), np.array(p[3:])))[-1] for p in permutations([1.0, 2, 3, 4, 4, 6])]
    assert np.exp(wealths).mean() == pytest.approx(1)


def test_wealth_of_counts_is_not_expected_to_grow_at_its_mean():
    """Listing all outcomes of six pairs that win with probability 0.4, tie with 0.2 (mean ½)."""
    total = 0.0
    for wins in range(7):
        for ties in range(7 - wins):
            chance = stats.multinomial.pmf([wins, ties, 6 - wins - ties], 6, [0.4, 0.2, 0.4])
            counts = (np.array([float(c)]) for c in (wins, ties, 6 - wins - ties))
            total += chance * np.exp(log_wealth_of_counts(*counts, 0.5)[0])
    assert total == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_interval_of_superiority_holds_at_all_looks(shift):
    truth, missed = stats.norm.cdf(shift / np.sqrt(2)), 0
    for repeat in range(150):
        rng = np.random.default_rng(repeat)
        a, b = rng.normal(0, 1, 200), rng.normal(shift, 1, 200)
        ends = [superiority_sequence(a[:n], b[:n], 0.95) for n in range(8, 201, 16)]
        missed += any(not low <= truth <= high for low, high in ends)
    assert missed / 150 <= 0.07


def test_exchanging_the_populations_mirrors_the_bets_and_the_interval():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 9, 40).astype(float), rng.integers(0, 9, 40).astype(float)
    bets, mirrored = rank_bets(a, b), rank_bets(b, a)
    assert mirrored.shares == pytest.approx(bets.mirrored().shares)
    assert mirrored.charges == pytest.approx(bets.mirrored().charges)
    low, high = superiority_sequence(a, b, 0.95)
    assert superiority_sequence(b, a, 0.95) == pytest.approx((1 - high, 1 - low), abs=1e-5)


def test_without_pairs_every_superiority_is_possible():
    assert superiority_sequence(np.array([]), np.array([]), 0.95) == (0.0, 1.0)

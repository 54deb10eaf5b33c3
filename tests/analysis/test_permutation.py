"""Relabellings: all of them or a draw, and their statistics against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from dsx.analysis.permutation import BATCH, all_subsets, random_subsets, rank_statistics


def brute_force(a, b):
    """Superiority, and the variances of the two placements' means, from all pairs of models."""
    wins = np.array([[(x < y) + 0.5 * (x == y) for y in b] for x in a])
    return wins.mean(), wins.mean(axis=1).var(ddof=1) / len(a), wins.mean(axis=0).var(ddof=1) / len(b)


@pytest.mark.parametrize("values", [np.arange(12) // 3, np.arange(12), np.array([0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8])])
@pytest.mark.parametrize("size", [2, 4, 6])
def test_statistics_of_relabellings_agree_with_brute_force_for_few_and_for_many_values(values, size):
    subsets = all_subsets(size, 12)[::7]
    start, end = np.searchsorted(values, values, "left"), np.searchsorted(values, values, "right")
    chance, variance, variance_rest = rank_statistics(subsets, start, end)
    for i, row in enumerate(subsets):
        mask = np.isin(np.arange(12), row)
        expected = brute_force(values[mask].astype(float), values[~mask].astype(float))
        assert (chance[i], variance[i], variance_rest[i]) == pytest.approx(expected)


def test_drawn_subsets_are_ascending_and_equally_likely():
    drawn = np.concatenate([random_subsets(2, 5, 0, batch) for batch in range(10)])
    assert (np.diff(drawn, axis=1) > 0).all()
    counts = np.bincount(drawn[:, 0] * 5 + drawn[:, 1], minlength=25)
    assert stats.chisquare(counts[counts > 0]).pvalue > 0.01
    assert (counts > 0).sum() == 10
    assert random_subsets(2, 5, 0, 0).shape == (BATCH, 2)


def test_every_subset_is_listed_once_and_counted():
    subsets = all_subsets(3, 6)
    assert sorted(map(tuple, subsets.tolist())) == list(itertools.combinations(range(6), 3))
    assert len(subsets) == math.factorial(6) // (6 * 6) == 20


def test_batches_are_a_function_of_seed_and_batch():
    first = random_subsets(4, 30, 7, 0).copy()
    assert not np.array_equal(first, random_subsets(4, 30, 7, 1))
    assert not np.array_equal(first, random_subsets(4, 30, 8, 0))
    random_subsets.cache_clear()
    assert np.array_equal(first, random_subsets(4, 30, 7, 0))


def test_subsets_kept_for_later_cannot_be_written_to():
    for subsets in (all_subsets(2, 4), random_subsets(2, 4, 0, 0)):
        with pytest.raises(ValueError, match="read-only"):
            subsets[0, 0] = 1

"""Which models go to which population, by chance: the subsets that a permutation test compares with the one observed.

A relabelling of N pooled models is the set of positions, in ascending order of error, that the smaller
population takes. All of them are listed where they are few; else they are drawn, in batches that are a
function of (seed, batch) alone.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsx.results.arrays import Floats

Positions = npt.NDArray[np.int64]

# up to so many subsets are listed
ENUMERATED = 4_000
BATCH = 1_000


@lru_cache(maxsize=8)
def all_subsets(size: int, total: int) -> Positions:
    """(subsets, size) ascending positions, every subset once."""
    subsets = np.fromiter(
        itertools.chain.from_iterable(itertools.combinations(range(total), size)),
        np.int64,
        math.comb(total, size) * size,
    ).reshape(-1, size)
    subsets.flags.writeable = False
    return subsets


@lru_cache(maxsize=64)
def random_subsets(size: int, total: int, seed: int, batch: int) -> Positions:
    """(BATCH, size) ascending positions, every subset equally likely.

    Floyd's algorithm on all rows at once: it costs BATCH · size², whatever `total` is.
    """
    rng = np.random.default_rng([seed, 8, batch])
    chosen = np.full((size, BATCH), -1, dtype=np.int64)
    for taken, newest in enumerate(range(total - size, total)):
        candidate = rng.integers(0, newest + 1, BATCH)
        repeated = (chosen[:taken] == candidate).any(axis=0)
        chosen[taken] = np.where(repeated, newest, candidate)
    subsets = np.ascontiguousarray(chosen.T)
    subsets.sort(axis=1)
    subsets.flags.writeable = False
    return subsets


def rank_statistics(subsets: Positions, start: Positions, end: Positions) -> tuple[Floats, Floats, Floats]:
    """Superiority of each subset over the rest, and the variances of the two placements' means.

    subsets: (B, s) ascending positions among N models in ascending order of error. start, end: (N,) first
    position, and first position after, of the models tied with each. Returns three (B,): the probability that
    a model of the subset has a lower error than one of the rest (ties half), and the variance of the mean
    placement of the subset and of the rest, each exactly 0 where all placements are equal. s and N − s ≥ 2.
    Counts are doubled, so that ties count 1 and all sums are whole numbers.
    """
    size, total = subsets.shape[1], start.size
    rest = total - size
    starts, sizes = np.unique(start, return_counts=True)
    if sizes.size <= 4 * size:
        above, square, square_rest = _few_values(subsets, np.searchsorted(starts, start), sizes)
    else:
        above, square, square_rest = _many_values(subsets, start, end)
    chance = above / (2 * size * rest)
    variance = (size * square - above**2) / (4.0 * rest**2 * size**2 * (size - 1))
    variance_rest = (rest * square_rest - above**2) / (4.0 * size**2 * rest**2 * (rest - 1))
    return chance, variance, variance_rest


def _few_values(subsets: Positions, value: Positions, sizes: Positions) -> tuple[Floats, Floats, Floats]:
    """By the number of each subset's models at each of G values: cost B · G, the least where errors are coarse.

    value: (N,) index of each model's value. sizes: (G,) models at each. Returns (B,) sums over the subset of the
    doubled number of the rest above, of its square, and over the rest of the square of that of the subset below.
    """
    rows = len(subsets)
    flat = value[subsets] + sizes.size * np.arange(rows)[:, None]
    count = np.bincount(flat.ravel(), minlength=rows * sizes.size).reshape(rows, -1).astype(np.float64)
    below = 2 * np.cumsum(count, axis=1) - count
    above = 2 * (value.size - subsets.shape[1]) - (2 * np.cumsum(sizes) - sizes - below)
    return (
        np.einsum("ij,ij->i", count, above),
        np.einsum("ij,ij,ij->i", count, above, above),
        np.einsum("ij,ij,ij->i", sizes - count, below, below),
    )


def _many_values(subsets: Positions, start: Positions, end: Positions) -> tuple[Floats, Floats, Floats]:
    """By the positions of each subset: cost B · s, whatever N is. Returns what `_few_values` does."""
    size, total = subsets.shape[1], start.size
    index = np.arange(size)
    low, high = start[subsets], end[subsets]
    opens = np.ones(subsets.shape, dtype=bool)  # first of its ties in the subset
    opens[:, 1:] = low[:, 1:] != low[:, :-1]
    closes = np.ones(subsets.shape, dtype=bool)
    closes[:, :-1] = opens[:, 1:]
    first = np.maximum.accumulate(np.where(opens, index, 0), axis=1)
    after = np.minimum.accumulate(np.where(closes, index + 1, size)[:, ::-1], axis=1)[:, ::-1]
    equal = (high - low) - (after - first)
    above = 2 * (total - size - low + first) - equal
    following = np.concatenate([low[:, 1:], np.full((len(low), 1), total)], axis=1)
    within = np.where(opens, equal * (first + after) ** 2, 0)
    between = np.where(closes, (following - high) * 4 * after**2, 0)
    sums = above.sum(axis=1), np.einsum("ij,ij->i", above, above), (within + between).sum(axis=1)
    return sums[0].astype(np.float64), sums[1].astype(np.float64), sums[2].astype(np.float64)

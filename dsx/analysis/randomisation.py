"""What a statistic is worth: randomisation of the errors, and of a quantity given another one.

Randomised errors (any order of them as likely as any other) tell what occurs where nothing matters; the
largest of many statistics is held against the largest in each randomisation (Westfall and Young 1993), which corrects
for all looks together and gains from their dependence.

A quantity that is tied to another one, by definition or by a complexity window, goes with the error where only the
other matters. So it is drawn anew given the other one (conditional randomisation: Candès et al. 2018): among
reference models of the same law, each model is replaced by one that has the same value of the other quantity.
"""

from __future__ import annotations

import numpy as np

from dsx.analysis.scan import Integers
from dsx.results.arrays import Floats

# reference models that stand for one value of a continuous quantity
NEIGHBOURS = 48


def rank_scores(errors: Floats) -> Floats:
    """(n,) midranks of the errors, mean 0 and standard deviation 1 (all 0 if all are equal): diverged models, at
    whatever chance error, are the last ranks and no more."""
    from scipy.stats import rankdata

    ranks = rankdata(errors)
    spread = float(ranks.std(ddof=1)) if ranks.size > 1 else 0.0
    return (ranks - ranks.mean()) / spread if spread > 0 else np.zeros(ranks.size)


def randomised(scores: Floats, repeats: int, seed: list[int]) -> Floats:
    """(repeats + 1, n): the scores as they are, then in random orders."""
    shuffled = np.random.default_rng(seed).permuted(np.tile(scores, (repeats, 1)), axis=1)
    return np.concatenate([scores[None], shuffled])


def corrected(statistics: Floats) -> Floats:
    """(k,) p-values of the first row, corrected for all k looks.

    statistics: (repeats + 1, k), comparable with each other, the first row observed. Westfall and Young, maxT.
    """
    largest = statistics.max(axis=1)
    return np.array([(largest >= observed).mean() for observed in statistics[0]])


def matched_rows(given: Floats, reference: Floats, repeats: int, seed: list[int]) -> Integers:
    """(repeats, n) rows of the reference that have each model's value; −1 stands for the model itself.

    given: (n,) values of the models; reference: (m,) of the reference models. Where fewer than NEIGHBOURS have just
    that value, the nearest ones serve. The model is one of those that have its value, so it is picked as often as each
    of them, which keeps the test exact. NaN is matched with NaN.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(reference.size), reference))
    ordered = reference[order]
    low = np.searchsorted(ordered, given, side="left")
    high = np.searchsorted(ordered, given, side="right")
    short = np.maximum(NEIGHBOURS - (high - low), 0)
    low = np.clip(low - short // 2, 0, max(reference.size - NEIGHBOURS, 0))
    high = np.minimum(np.maximum(high, low + NEIGHBOURS), reference.size)
    size = high - low
    picks = np.floor(rng.random((repeats, given.size)) * (size + 1)).astype(np.int64)
    return np.where(picks >= size, -1, order[np.minimum(low + picks, reference.size - 1)])


def without(scores: Floats, given: Floats) -> Floats:
    """Scores less their curve over another quantity: a line and a square in its ranks; the noise of the test falls."""
    from scipy.stats import rankdata

    known = np.isfinite(given)
    u = np.where(known, rankdata(np.where(known, given, 0.0)) / given.size - 0.5, 0.0)
    design = np.stack([known, u, u**2 * known, ~known], axis=1).astype(float)
    return scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]

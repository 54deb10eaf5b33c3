"""Whether one end of a quantity holds worse models: rank sums on both sides of every cut.

A quantity's values are put into bins that do not look at errors. For the low end, models below a cut are held
against those between it and an upper limit, the limit chosen along with the cut: where good models lie in the middle
(depths from 12 to 20), the models above them would hide the difference. Both ends together are seen more surely than
either: models inside a window are held against all others. The statistic is the largest distance of the two mean ranks
in standard errors; what it is worth is judged by randomisation (`dsx.analysis.randomisation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsx.results.arrays import Floats

End = Literal["low", "high"]
Integers = NDArray[np.int64]
# cuts of a quantity with more values than that: at so many steps of its distribution
CUTS = 15


@dataclass(frozen=True)
class Cut:
    """Where an end was cut.

    Of the low end, bins below `first` are cut off, and models beyond bin `last` take no part in judging it; of the high
    end, bins above `last` are cut off, and models below bin `first` take no part. z: distance of the mean ranks in
    standard errors; −inf if no cut leaves enough models on both sides.
    """

    first: int
    last: int
    z: float


def bin_edges(reference: Floats) -> Floats:
    """(m,) ascending values at which bins begin after the first one: value v is in bin sum(edges ≤ v).

    reference: (k,) values by the quantity's law. Quantities of few values have a bin for each.
    """
    known = reference[np.isfinite(reference)]
    values = np.unique(known)
    if values.size > CUTS + 1:
        values = np.unique(np.quantile(known, np.arange(1, CUTS + 1) / (CUTS + 1), method="inverted_cdf"))
        return values[values > known.min()]
    return values[1:]


def bins(values: Floats, edges: Floats) -> Integers:
    """(n,) bin of every value; −1 where the value is NaN."""
    places = np.searchsorted(edges, values, side="right")
    return np.where(np.isfinite(values), places, -1)


def bin_sums(codes: Integers, scores: Floats, count: int) -> tuple[Floats, Floats]:
    """Models and sums of their scores by bin, each (repeats, count). codes, scores: (repeats, n), or (n,) for all."""
    rows, values = np.broadcast_arrays(np.atleast_2d(codes), np.atleast_2d(scores))
    repeats = len(rows)
    # bin −1 is kept apart, and left out
    flat = (rows + 1 + (count + 1) * np.arange(repeats)[:, None]).ravel()
    size = repeats * (count + 1)
    models = np.bincount(flat, minlength=size).reshape(repeats, count + 1)[:, 1:]
    sums = np.bincount(flat, weights=values.ravel(), minlength=size).reshape(repeats, count + 1)[:, 1:]
    return models.astype(np.float64), sums.astype(np.float64)


def scan(models: Floats, sums: Floats, end: End, least: int, limited: bool = True) -> Floats:
    """(repeats,) largest z over all cuts; −inf where no cut leaves `least` models on both sides.

    models, sums: (repeats, bins), or (1, bins) where all have the same. limited: whether a limit at the other end is
    chosen too.
    """
    z, _ = _contrasts(models, sums, end, least, limited)
    return z.max(axis=1) if z.shape[1] else np.full(len(z), -np.inf)


def window_scan(models: Floats, sums: Floats, least: int) -> Floats:
    """(repeats,) largest z over all windows, of the models inside against all others; of all that lack one end at most.

    models, sums: as of `scan`; −inf where no window leaves `least` models inside and outside.
    """
    firsts, lasts = _windows(models.shape[1])
    m, s = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (models, sums))
    inside, score = m[:, lasts + 1] - m[:, firsts], s[:, lasts + 1] - s[:, firsts]
    outside = m[:, -1:] - inside
    with np.errstate(all="ignore"):
        z = ((s[:, -1:] - score) / outside - score / inside) / np.sqrt(1 / outside + 1 / inside)
    z = np.where((inside >= least) & (outside >= least), z, -np.inf)
    return z.max(axis=1) if z.shape[1] else np.full(len(z), -np.inf)


def best_cut(models: Floats, sums: Floats, end: End, least: int, limited: bool = True) -> Cut:
    """The cut with the largest z. models, sums: (bins,)."""
    z, (firsts, lasts) = _contrasts(models[None], sums[None], end, least, limited)
    top = models.size - 1
    if not z.shape[1] or z.max() == -np.inf:
        return Cut(0, top, -np.inf)
    pick = int(z[0].argmax())
    first, last = int(firsts[pick]), int(lasts[pick])
    return Cut(first, last, float(z[0, pick])) if end == "low" else Cut(top - last, top - first, float(z[0, pick]))


def _contrasts(
    models: Floats, sums: Floats, end: End, least: int, limited: bool
) -> tuple[Floats, tuple[Integers, Integers]]:
    """z (repeats, pairs) of bins below a cut against those from it to the limit, and (cut, limit) of every pair."""
    if end == "high":
        models, sums = models[:, ::-1], sums[:, ::-1]
    count = models.shape[1]
    firsts, lasts = _pairs(count, limited)
    m, s = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (models, sums))
    below, inside = m[:, firsts], m[:, lasts + 1] - m[:, firsts]
    with np.errstate(all="ignore"):
        distance = s[:, firsts] / below - (s[:, lasts + 1] - s[:, firsts]) / inside
        z = distance / np.sqrt(1 / below + 1 / inside)
    z = np.where((below >= least) & (inside >= least), z, -np.inf)
    return z, (firsts, lasts)


@lru_cache(maxsize=256)
def _pairs(count: int, limited: bool) -> tuple[Integers, Integers]:
    """Every cut (first bin kept, ≥ 1) with every limit (last bin, count − 1 alone unless limited)."""
    pairs = [(i, j) for i in range(1, count) for j in range(i if limited else count - 1, count)]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@lru_cache(maxsize=64)
def _windows(count: int) -> tuple[Integers, Integers]:
    """First and last bin of every window but that of all bins."""
    pairs = [(i, j) for i in range(count) for j in range(i, count) if j - i < count - 1]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]

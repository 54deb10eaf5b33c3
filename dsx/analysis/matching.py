"""Pairs of models of equal complexity, one of each of two populations: what is compared at equal flops, params or acts.

The pairs are a function of the populations' order and complexities alone, never of an error, and those of the first n
models are the first pairs of more. So a growing study pairs its models as it goes, and never anew.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsx.results.arrays import Floats

# how far apart two models' complexities may be and still count as equal, as a share
TOLERANCE = 0.025
# models of each that are paired; of more, the first so many
MOST = 20_000


@dataclass(frozen=True, eq=False)
class MatchedPairs:
    """a, b: (m,) indices of the models of each pair. look: (m,) ascending, after how many models of each it was there.

    The order is that in which the pairs came to be, the closer one first where two did at once.
    """

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    look: npt.NDArray[np.int64]


def matched_pairs(complexity_a: Floats, complexity_b: Floats, tolerance: float = TOLERANCE) -> MatchedPairs:
    """Pair models whose complexities differ by at most `tolerance`, as a share; each model is in one pair at most.

    complexity: (n,) above 0 in the populations' order, NaN for a model that cannot be paired. At each look the next
    model of a and the next of b take the closest of those still waiting, or each other. Swapping a and b mirrors the
    pairs. What has no partner of its size waits.
    """
    a, b = _logarithms(complexity_a), _logarithms(complexity_b)
    reach = float(np.log1p(tolerance)) + 1e-12
    waiting_a, waiting_b = _Waiting(), _Waiting()
    pairs: list[tuple[int, int, int]] = []
    for i in range(min(MOST, max(a.size, b.size))):
        new_a = float(a[i]) if i < a.size else np.nan
        new_b = float(b[i]) if i < b.size else np.nan
        between = abs(new_a - new_b)
        of_a, of_b = waiting_b.nearest(new_a), waiting_a.nearest(new_b)
        if between <= min(reach, of_a, of_b):
            pairs.append((i, i, i + 1))
            continue
        offers = [(of_a, new_a, waiting_a, waiting_b, True), (of_b, new_b, waiting_b, waiting_a, False)]
        for distance, new, own_side, other_side, is_a in sorted(offers, key=lambda offer: offer[0]):
            if distance <= reach:
                partner = other_side.take(new)
                pairs.append((i, partner, i + 1) if is_a else (partner, i, i + 1))
            elif new == new:  # a known complexity
                own_side.add(new, i)
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    return MatchedPairs(*columns)


class _Waiting:
    """Models without a partner yet, by the logarithm of their complexity."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._models: list[int] = []

    def add(self, value: float, model: int) -> None:
        place = bisect.bisect_right(self._values, value)
        self._values.insert(place, value)
        self._models.insert(place, model)

    def nearest(self, value: float) -> float:
        """Distance to the closest one; infinite if there is none, or the value is not known."""
        place = self._place(value)
        return float("inf") if place is None else abs(self._values[place] - value)

    def take(self, value: float) -> int:
        """The closest one, which then waits no more; of equally close ones the smaller, of equal ones the first."""
        place = self._place(value)
        assert place is not None
        self._values.pop(place)
        return self._models.pop(place)

    def _place(self, value: float) -> int | None:
        if not self._values or value != value:
            return None
        above = bisect.bisect_left(self._values, value)
        if above == len(self._values):
            return bisect.bisect_left(self._values, self._values[-1])
        below = bisect.bisect_left(self._values, self._values[above - 1]) if above else above
        return below if value - self._values[below] <= self._values[above] - value and above else above


def _logarithms(complexity: Floats) -> Floats:
    known = np.where(complexity > 0, complexity, np.nan)
    return np.log(known)

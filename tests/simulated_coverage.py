"""How often an interval holds what it is to hold: what the tests of coverage share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from dsx.analysis import rank_correlation

REPEATS = 2000
Draw = Callable[[np.random.Generator], Any]

# errors have a sharp lower end and a tail of bad models: 2 + gamma(shape 2)
SKEWED = stats.gamma(2, loc=2)


def skewed(rng: np.random.Generator, n: Any) -> np.ndarray:
    return 2 + rng.gamma(2, 1, n)


def coverage(interval: Callable[..., Any], draw: Draw, truth: float, repeats: int = REPEATS) -> float:
    """Share of draws (tuples of arguments) whose interval, the last two values returned, holds the truth."""
    hits = 0
    for repeat in range(repeats):
        low, high = interval(*draw(np.random.default_rng([7, repeat])))[-2:]
        hits += low <= truth <= high
    return hits / repeats


def holds_as_said(share: float) -> bool:
    """Whether an interval at 95 % covers 93 to 97 %."""
    return 0.93 <= share <= 0.97


def spearmans(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    row = rank_correlation(x, y)
    return row["low"], row["high"]


def normal_pairs(rho: float, n: int) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=n)
        return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)

    return draw

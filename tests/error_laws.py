"""Error laws that claims have to hold on: smooth, skewed, coarse, and with bad and diverged models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Law = Callable[[np.random.Generator, int], np.ndarray]


def gamma(rng: np.random.Generator, n: int) -> np.ndarray:
    return 2 + rng.gamma(2, 1, n)


def lognormal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.lognormal(1, 0.5, n)


def discrete(rng: np.random.Generator, n: int) -> np.ndarray:
    """Errors of 360 validation images."""
    return np.round((2 + rng.gamma(2, 0.6, n)) * 3.6) / 3.6


def diverged(rng: np.random.Generator, n: int) -> np.ndarray:
    """10 % bad models, and 3 % with the error of a guess."""
    kind = rng.random(n)
    return np.where(kind < 0.03, 90.0, np.where(kind < 0.13, rng.uniform(10, 60, n), gamma(rng, n)))


LAWS: dict[str, Law] = {"gamma": gamma, "lognormal": lognormal, "discrete": discrete, "diverged": diverged}

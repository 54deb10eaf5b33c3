"""The error distribution of a population: its empirical distribution function with a band.

F(e) = share of models with error < e, strictly (RegNet §3.1, eq. 1; NDS §3 for the weighted form).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_weighted


@dataclass(frozen=True, eq=False)
class Edf:
    """F at the sorted errors, with a simultaneous band. `curve(e)` gives F at any e.

    error: (n,) percent, ascending, ties repeated. probability: (n,) F(error), so the first is 0 and
    ties share a value; F is 1 above the last error. lower, upper: (n,) the band, within [0, 1].
    n: models. effective_n: n, or Kish's (Σw)²/Σw² when weighted. level: of the band.
    """

    error: Floats
    probability: Floats
    lower: Floats
    upper: Floats
    n: int
    effective_n: float
    level: float
    mean: float  # percent; the area above F

    def __call__(self, e: npt.ArrayLike) -> Any:
        """Share of models with error strictly below e; e: number or array, percent."""
        return self._share(e, "left")

    def at_or_below(self, e: npt.ArrayLike) -> Any:
        """Share of models with error e or lower: the height of the curve right of its step at e."""
        return self._share(e, "right")

    def _share(self, e: npt.ArrayLike, side: Literal["left", "right"]) -> Any:
        share = np.append(self.probability, 1.0)[np.searchsorted(self.error, e, side=side)]
        return float(share) if np.ndim(share) == 0 else share

    @property
    def min(self) -> float:
        """Lowest error, percent."""
        return float(self.error[0])

    @property
    def half_width(self) -> float:
        """Half the height of the band: √(ln(2 / (1 − level)) / (2 effective_n))."""
        return band_half_width(self.effective_n, self.level)


def edf(errors: Errors, weights: npt.ArrayLike | None = None, level: float = 0.95) -> Edf:
    """F(e) = share of errors strictly below e, with a band that holds the whole true curve at once.

    errors: (n,) percent, n ≥ 1, or a results table (its finished models). weights: (n,) ≥ 0 or None.
    The band is the Dvoretzky–Kiefer–Wolfowitz inequality with Massart's constant: the true F lies
    inside it everywhere with probability ≥ level, whatever its shape; conservative for few models (0.97 of
    10, 0.955 of 100 at level 0.95). With weights n is replaced by
    the effective sample size (Σw)²/Σw², which makes the band approximate.
    Raises DsxError if errors is empty or not finite. RegNet §3.1, eq. 1.
    """
    values, shares = as_weighted(errors, weights)
    check_level(level)
    n = values.size
    w = np.full(n, 1 / n) if shares is None else shares
    order = np.argsort(values, kind="stable")
    ordered, w = values[order], w[order]
    below = np.concatenate([[0.0], np.cumsum(w)[:-1]])
    probability = below[np.searchsorted(ordered, ordered, side="left")]
    if weights is None:
        probability = np.searchsorted(ordered, ordered, side="left") / n  # free of rounding
    effective = n if weights is None else 1 / float(np.sum(w**2))
    half = band_half_width(effective, level)
    return Edf(
        error=ordered,
        probability=probability,
        lower=np.clip(probability - half, 0, 1),
        upper=np.clip(probability + half, 0, 1),
        n=n,
        effective_n=float(effective),
        level=level,
        mean=float(ordered @ w),
    )


def band_half_width(n: float, level: float) -> float:
    """Half the height of the Dvoretzky–Kiefer–Wolfowitz band of n models: √(ln(2 / (1 − level)) / 2n)."""
    return math.sqrt(math.log(2 / (1 - check_level(level))) / (2 * n))

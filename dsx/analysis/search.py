"""Random search: the lowest error to expect among k models of a population, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats
from dsx.results.samples import Errors, as_weighted


@dataclass(frozen=True, eq=False)
class SearchCurve:
    """Best error of k random models, for several k.

    k: (m,) models tried. expected: (m,) percent. low, high: (m,) interval of `expected` over populations,
    NaN where k is above a tenth or the root of the number of models. spread_low, spread_high: (m,) the
    central `level` share of single searches, given this population. n: models (or the effective number,
    when weighted).
    """

    k: npt.NDArray[np.int64]
    expected: Floats
    low: Floats
    high: Floats
    spread_low: Floats
    spread_high: Floats
    n: float
    level: float


def expected_minimum(errors: Errors, k: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Any:
    """Expected lowest error among k models drawn with replacement: the random-search curve.

    errors: (n,) percent. k: integer or (m,) integers ≥ 1. weights: (n,) ≥ 0, chances of being drawn, or
    None. Returns percent, a number or (m,). Exact: P(min is the i-th smallest) = Sᵢ₋₁ᵏ − Sᵢᵏ, where Sᵢ is
    the share of models above the i-th, so nothing is simulated. NDS §3.4, RegNet Fig. 9.
    """
    tries = numbers_tried(k)
    ordered, survival = _survival(*as_weighted(errors, weights))
    expected = -np.diff(survival[None, :] ** tries[:, None], axis=1) @ ordered
    return float(expected[0]) if np.ndim(k) == 0 else expected


def random_search(
    errors: Errors, k: Sequence[int] | None = None, weights: npt.ArrayLike | None = None, level: float = 0.95
) -> SearchCurve:
    """The random-search curve with its band and the spread of single searches.

    errors: (n,) percent. k: models tried, by default 1, 2, 4 … up to n/2. The band is Student's interval
    with the infinitesimal-jackknife standard error of the expected minimum, about the expected minimum
    freed of its bias; the degrees of freedom, 2n/(κ − 1) with κ the kurtosis of the models' influences,
    tell that it hangs on the lowest n/k of them. Beyond k = n/10 or √n those are too few, and it is NaN.
    """
    values, shares = as_weighted(errors, weights)
    if k is None:
        k = [2**i for i in range(max(1, int(math.log2(values.size))))]
    tries = numbers_tried(k)
    ordered, survival = _survival(values, shares)
    chance = -np.diff(survival)
    n = 1 / float(np.sum(chance**2))
    powers = survival[None, :] ** tries[:, None]
    error, freedom = _standard_error(ordered, survival, chance, tries)
    enough = (tries <= n / 10 + 1e-9) & (tries**2 <= n + 1e-9)
    reach = np.where(enough, students_reach(freedom, level) * error, math.nan)
    expected = -np.diff(powers, axis=1) @ ordered
    centre = expected - _bias(ordered, survival, chance, tries)
    tails = [(1 - level) / 2, (1 + level) / 2]
    # P(best of k ≤ i-th smallest) = 1 − Sᵢᵏ, ascending in i
    ends = [[ordered[min(int(np.searchsorted(1 - row[1:], t)), ordered.size - 1)] for row in powers] for t in tails]
    return SearchCurve(tries, expected, centre - reach, centre + reach, np.array(ends[0]), np.array(ends[1]), n, level)


def numbers_tried(k: object) -> npt.NDArray[np.int64]:
    """k as (m,) integers. Raises DsxError for anything else."""
    tries: npt.NDArray[Any] = np.atleast_1d(np.asarray(k))
    if tries.ndim != 1 or tries.size == 0 or tries.dtype.kind not in "iuf" or (tries < 1).any() or (tries % 1).any():
        raise DsxError(f"k = {k}: expected integers ≥ 1, the numbers of models tried")
    return tries.astype(np.int64)


def _survival(values: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """Sorted errors (n,), and (n + 1,) from 1 down to 0 the chance that a drawn model lies above the i-th."""
    order = np.argsort(values, kind="stable")
    if weights is None:
        return values[order], np.arange(values.size, -1, -1) / values.size
    chance = weights[order]
    survival = np.append(np.cumsum(chance[::-1])[::-1], 0.0)
    return values[order], np.minimum(1, survival / survival[0])


def _standard_error(
    ordered: Floats, survival: Floats, chance: Floats, tries: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Standard error of the expected minimum, √Σ wᵢ² Uᵢ², U the influence of each model's error, and its freedom.

    The expected minimum is the lowest error plus ∫ S(e)ᵏ de, so a model at e adds k ∫_{below e} S^(k−1) de
    to its derivative, less the mean of that. Both: (m,).
    """
    gaps = np.diff(ordered, prepend=ordered[0])
    influence: Floats = tries[:, None].astype(np.float64) * np.cumsum(
        gaps * survival[:-1] ** (tries[:, None] - 1), axis=1
    )
    influence = (influence - (influence @ chance)[:, None]) * chance
    square = np.sum(influence**2, axis=1)
    kurtosis = ordered.size * np.sum(influence**4, axis=1) / np.maximum(square**2, 1e-300)
    freedom = np.clip(2 * ordered.size / np.maximum(kurtosis - 1, 1e-9), 1, max(1, ordered.size - 1))
    n = 1 / np.sum(chance**2)
    error: Floats = np.sqrt(square * (n / max(n - 1, 1)))
    return error, freedom


def _bias(ordered: Floats, survival: Floats, chance: Floats, tries: npt.NDArray[np.int64]) -> Floats:
    """(m,) how far drawing with replacement from these models overstates the expected minimum of their space.

    Half the sum over models of the second derivative of ∫ Sᵏ de by their weight.
    """
    gaps, share = np.diff(ordered, prepend=ordered[0]), survival[:-1]
    k = tries[:, None].astype(np.float64)
    above = np.cumsum(chance[::-1] ** 2)[::-1]
    whole = above[0]
    spread = above * (1 - share) ** 2 + (whole - above) * share**2
    bend = k * (k - 1) * share ** np.maximum(k - 2, 0) * spread / 2 - k * share ** (k - 1) * (above - share * whole)
    return bend @ gaps

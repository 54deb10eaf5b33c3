"""Populations by error and cost at once: the joint EDF, what some draws attain within a cost, the difference of two.

p(e, t) is the share of models with error strictly below e and cost at most t: the EDF with a budget (NDS compares
spaces at equal complexity; here every complexity is looked at). Costs may be flops, params, acts, measured times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsx.analysis.distribution import exact_interval
from dsx.analysis.quantiles import quantile_interval
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, check_count, check_level
from dsx.results.samples import Errors, as_sample

# costs at which what is attained is worked out: so many, as evenly over the models as they come
POINTS = 12
# of a difference, quantiles of errors and of costs at which it is worked out
_GRID = 20


@dataclass(frozen=True, eq=False)
class JointEdf:
    """p(e, t) of one population: call it with numbers or arrays of error and cost."""

    error: Floats  # (n,) percent
    cost: Floats  # (n,)

    def __call__(self, e: npt.ArrayLike, t: npt.ArrayLike) -> Any:
        """Share of models with error strictly below e and cost at most t; e and t broadcast."""
        e, t = np.broadcast_arrays(np.asarray(e, dtype=float), np.asarray(t, dtype=float))
        inside = (self.error < e[..., None]) & (self.cost <= t[..., None])
        share = inside.mean(axis=-1)
        return float(share) if share.ndim == 0 else share


@dataclass(frozen=True, eq=False)
class Attained:
    """The error that so many draws attain within each cost, with a band over all these costs at once.

    cost: (k,) ascending. error, low, high: (k,) percent, falling; infinite where too few models are within the cost,
    low NaN where there are too few models to say.
    """

    cost: Floats
    error: Floats
    low: Floats
    high: Floats
    draws: int
    chance: float
    level: float


@dataclass(frozen=True, eq=False)
class JointDifference:
    """p_a − p_b over a grid of errors and costs, with a band that holds the whole true difference at once.

    error: (k,), cost: (m,) ascending. difference: (k, m) in [−1, 1]; above 0 where more models of a are within both.
    """

    error: Floats
    cost: Floats
    difference: Floats
    half_width: float
    level: float

    def ahead(self, sign: int) -> tuple[float, float, float]:
        """Where a (sign 1) or b (−1) is furthest ahead: difference in its favour, error, cost."""
        i, j = np.unravel_index(np.argmax(sign * self.difference), self.difference.shape)
        return float(sign * self.difference[i, j]), float(self.error[i]), float(self.cost[j])


def joint_edf(errors: Errors, costs: npt.ArrayLike) -> JointEdf:
    """p(e, t) of a population. errors: (n,) percent. costs: (n,), of the same models. Raises DsxError otherwise."""
    error, cost = as_sample(errors), np.asarray(costs, dtype=float)
    if cost.shape != error.shape:
        raise DsxError(f"costs of shape {cost.shape} for {error.size} errors: expected one for each")
    if not np.isfinite(cost).all():
        raise DsxError(
            f"costs: {(~np.isfinite(cost)).sum()} of {cost.size} are no finite numbers: leave out those models"
        )
    return JointEdf(error, cost)


def chance_within(joint: JointEdf, draws: int, e: float, t: float, level: float = 0.95) -> tuple[float, float, float]:
    """Chance that so many models drawn hold one with error below e and cost at most t: (chance, low, high).

    1 − (1 − p)^draws; its ends are those of p, exact (Clopper and Pearson). Raises DsxError for draws < 1.
    """
    check_count(draws, "draws")
    n, share = joint.error.size, joint(e, t)
    chance, lower, upper = (1 - (1 - p) ** draws for p in (share, *exact_interval(round(share * n), n, level)))
    return chance, lower, upper


def attained(
    joint: JointEdf, draws: int, chance: float = 0.5, costs: npt.ArrayLike | None = None, level: float = 0.95
) -> Attained:
    """The error below which, at the given chance, some of so many drawn models lies within each cost.

    Within a cost t it is the quantile of order 1 − (1 − chance)^(1/draws) of the errors, models beyond t counting as
    worse than all. Its interval is that of a quantile, between two order statistics: exact for any distribution, and
    at a level that holds for all costs together (Bonferroni). costs: by default POINTS, evenly over the models.
    """
    check_count(draws, "draws")
    if not 0 < chance < 1:
        raise DsxError(f"chance = {chance}: expected a number between 0 and 1")
    n = joint.error.size
    ordered = np.sort(joint.cost)
    chosen = ordered[np.linspace(0, n - 1, POINTS + 1)[1:].round().astype(int)] if costs is None else costs
    at: Floats = np.unique(np.asarray(chosen, dtype=float))
    order = 1 - (1 - chance) ** (1 / draws)
    beyond = float(joint.error.max()) + 1.0
    each = 1 - (1 - check_level(level)) / at.size
    rows = []
    for t in at:
        within = np.where(joint.cost <= t, joint.error, beyond)
        rows.append((np.sort(within)[math.ceil(order * n) - 1], *quantile_interval(within, order, each)))
    error, low, high = (np.where(values == beyond, np.inf, values) for values in np.array(rows).T)
    return Attained(at, error, low, np.where(np.isnan(high), np.inf, high), draws, chance, level)


def joint_difference(
    a: JointEdf, b: JointEdf, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> JointDifference:
    """p_a − p_b at quantiles of both populations' errors and costs, with its band.

    Half-width: the `level` quantile of the largest distance between a resampled difference and the observed one, over
    bootstrap resamples of both populations, as of `edf_difference`.
    """
    check_level(level)
    check_count(resamples, "resamples")
    steps = np.linspace(0, 1, _GRID + 1)[1:]
    # an error's own model is to lie below it
    error, cost = (
        np.unique(np.quantile(np.concatenate(both), steps, method="inverted_cdf"))
        for both in ((a.error, b.error), (a.cost, b.cost))
    )
    error = np.nextafter(error, np.inf)
    rng = np.random.default_rng([seed, 6])
    # all cells up to each error and cost, whose whole numbers are added up without rounding
    to_error, to_cost = np.tri(error.size, error.size + 1), np.tri(cost.size, cost.size + 1).T
    shares = []
    for joint in (a, b):
        n = joint.error.size
        # a resample of the models is one of how many lie in each cell of the grid
        place = np.searchsorted(error, joint.error, "right") * (cost.size + 1) + np.searchsorted(cost, joint.cost)
        cells = np.bincount(place, minlength=(error.size + 1) * (cost.size + 1))
        counts = np.concatenate([cells[None], rng.multinomial(n, cells / n, resamples)])
        shares.append(to_error @ counts.reshape(-1, error.size + 1, cost.size + 1) @ to_cost / n)
    difference = shares[0][0] - shares[1][0]
    moved = (shares[0][1:] - shares[0][0]) - (shares[1][1:] - shares[1][0])
    half = float(np.quantile(np.abs(moved).max(axis=(1, 2)), level, method="higher"))
    return JointDifference(error, cost, difference, half, level)

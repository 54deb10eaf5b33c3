"""Whether one value for all stages would cost anything: equivalence on the scale of ranks.

The cost is the chance, above one half, that a model as they are has a lower error than one whose stages share a
value. A model's relative rank is such a chance, so the cost is read off a line of ranks over the number of different
values, carried on to one. Diverged models are the last ranks whatever their error, and cannot stretch it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsx.analysis.regression import fit_line
from dsx.results.arrays import Floats

# sharing may cost at most this chance: a quarter of a standard deviation, where errors are normal
MARGIN = 0.07
# models with fewer different values than most, without which a line says nothing of one value
LEAST = 5


@dataclass(frozen=True)
class SharingCost:
    """cost: chance above ½ that a model as they are beats one that shares; upper: its one-sided bound. few: models
    with at most half of the largest number of different values. n: models."""

    cost: float
    upper: float
    few: int
    n: int

    @property
    def free(self) -> bool:
        """Whether the cost is surely below the margin."""
        return self.few >= LEAST and self.upper < MARGIN


def sharing_cost(values: Floats, errors: Floats, level: float = 0.95) -> SharingCost | None:
    """What sharing costs; None where all models have equally many different values, of which no line can be made.

    values: (n, stages), NaN in stages that a network lacks; errors: (n,) percent. level: of the one-sided bound.
    """
    from scipy.stats import rankdata

    distinct = np.array([np.unique(row[np.isfinite(row)]).size for row in values], dtype=float)
    if len(errors) < 4 or np.ptp(distinct) == 0 or np.ptp(errors) == 0:
        return None
    chances = (rankdata(errors) - 0.5) / len(errors)
    fit = fit_line(distinct, chances, level=2 * level - 1)
    step = 1 - float(distinct.mean())
    upper = max(fit.slope_low * step, fit.slope_high * step)
    return SharingCost(fit.slope * step, upper, int((distinct <= distinct.max() / 2).sum()), len(errors))

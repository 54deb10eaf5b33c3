"""Where the best models lie: the empirical bootstrap of RegNet §3.1, by its exact distribution.

The bootstrap draws a share of the models with replacement, keeps the best of them, and repeats. How
often each model is kept follows from its rank: the i-th best of n is the best of m draws with
probability ((n − i + 1)/n)^m − ((n − i)/n)^m. So nothing is simulated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, check_level, check_share, column, frame, is_table, number_array
from dsx.results.columns import parameter_columns
from dsx.results.samples import Errors, as_paired, as_sample
from dsx.results.states import finished

# chances that add up to less than this are those of models too far down to come out best; float64 resolves 2e-16
_NEGLIGIBLE = 1e-16


@dataclass(frozen=True)
class JointRange:
    """A box that holds the best model's pair of values with probability ≥ level. x, y: (low, median, high)."""

    x: tuple[float, float, float]
    y: tuple[float, float, float]
    probability: float


def best_weights(errors: Errors, fraction: float = 0.25) -> Floats:
    """Chance of each model to be the best of ⌊fraction · n⌋ (at least 1) models drawn with replacement: (n,), sum 1.

    errors: (n,) percent. Models with equal errors share their chance equally; NaN has none.
    """
    given = as_sample(errors) if is_table(errors) else number_array(errors, "errors")
    values, place = as_paired(given, place=np.arange(given.size))
    order, chance = np.argsort(values), np.zeros(given.size)
    shared = _shared(values[order], _rank_chances(values.size, _draws(values.size, fraction)))
    chance[place[order].astype(int)] = shared
    return chance


def best_range(
    x: npt.ArrayLike, errors: Errors, fraction: float = 0.25, level: float = 0.95
) -> tuple[float, float, float]:
    """Range of a parameter's likely best value: (low, median, high), exact.

    x: (n,) the parameter or any derived quantity; models where it is NaN take no part. errors: (n,)
    percent. The (1 − level)/2, ½ and (1 + level)/2 quantiles of x at the best of ⌊fraction · n⌋ models
    drawn with replacement, each the smallest value that reaches its share. RegNet §3.1, footnote 4.
    It holds the best of such a draw from these models with probability ≥ level (more where x is coarse).
    The best of as many fresh models of the space lies in it less often, since these models themselves
    were drawn: in some 87 % of cases at level 0.95, however many there are.
    Raises DsxError if the lengths differ or x is all NaN.
    """
    tail = (1 - check_level(level)) / 2
    values, chance = _known(x, errors, fraction)
    low, median, high = _quantiles(values, chance, (tail, 0.5, 1 - tail))
    return low, median, high


def joint_best_range(
    x: npt.ArrayLike, y: npt.ArrayLike, errors: Errors, fraction: float = 0.25, level: float = 0.95
) -> JointRange:
    """Ranges of two parameters that hold the best model's pair of values at once.

    Both marginal ranges are widened alike until the box has probability ≥ level, which it surely has
    when each leaves out (1 − level)/2 in all. Conservative therefore: `probability` is what it holds.
    Models where x or y is NaN take no part.
    """
    check_level(level)
    error, xs, ys = as_paired(errors, x=x, y=y)
    kept = np.isfinite(xs) & np.isfinite(ys)
    if not kept.any():
        raise DsxError("x and y: no model has both values: a joint range needs at least one")
    model, chance = _leaders(error[kept], fraction)
    xs, ys = xs[kept][model], ys[kept][model]
    for out in np.linspace(1 - level, (1 - level) / 2, 26):
        (x_low, x_mid, x_high), (y_low, y_mid, y_high) = (
            _quantiles(v, chance, (out / 2, 0.5, 1 - out / 2)) for v in (xs, ys)
        )
        inside = float(chance[(xs >= x_low) & (xs <= x_high) & (ys >= y_low) & (ys <= y_high)].sum())
        if inside >= level - 1e-12:
            break
    return JointRange((x_low, x_mid, x_high), (y_low, y_mid, y_high), inside)


def best_ranges(
    table: Table, columns: Sequence[str] | None = None, fraction: float = 0.25, level: float = 0.95
) -> Table:
    """One row per column of a results table: parameter, low, median, high, n, without (models where it is NaN).

    columns: by default the space's parameters, those that follow the measured columns and are numbers.
    Columns without any number are left out. The table is empty if no model has finished.
    """
    names = parameter_columns(table) if columns is None else list(columns)
    rows = finished(table)
    points = rows[["error"]].assign(**{name: column(rows, name) for name in names})
    return best_ranges_of(points, fraction, level)


def best_ranges_of(points: Table, fraction: float = 0.25, level: float = 0.95) -> Table:
    """`best_ranges` of every column of `points` beside `error`."""
    rows, names = points, [name for name in points.columns if name != "error"]
    tail = (1 - check_level(level)) / 2
    errors = rows["error"].to_numpy(np.float64)
    leaders = _leaders(errors, fraction) if errors.size else None
    ranges = []
    for name in names:
        x = column(rows, name)
        known = np.isfinite(x)
        if leaders is not None and known.any():
            whole = known.all()
            model, chance = leaders if whole else _leaders(errors[known], fraction)
            ends = _quantiles((x if whole else x[known])[model], chance, (tail, 0.5, 1 - tail))
            ranges.append((name, *ends, int(known.sum()), int((~known).sum())))
    return frame(ranges, ["parameter", "low", "median", "high", "n", "without"])


def _known(x: npt.ArrayLike, errors: Errors, fraction: float) -> tuple[Floats, Floats]:
    """The values of x that can be those of the best model, with their chances."""
    error, values = as_paired(errors, x=x)
    kept = np.isfinite(values)
    if not kept.all():
        if not kept.any():
            raise DsxError("x: no model has a value: a best range needs at least one")
        values, error = values[kept], error[kept]
    model, chance = _leaders(error, fraction)
    return values[model], chance


def _draws(n: int, fraction: float) -> int:
    return max(1, int(check_share(fraction, "fraction") * n + 1e-9))


@lru_cache(maxsize=64)
def _rank_chances(n: int, draws: int) -> Floats:
    """(n,) chance of each rank, the best first. It depends on nothing else, so all parameters and studies share it."""
    chances: Floats = -np.diff((np.arange(n, -1, -1) / n) ** draws)
    chances.flags.writeable = False
    return chances


def _leaders(errors: Floats, fraction: float) -> tuple[npt.NDArray[np.intp], Floats]:
    """The models that can come out best, by error, and their chances; the others' add up to less than rounding."""
    n = errors.size
    draws = _draws(n, fraction)
    reach = math.ceil(n * (1 - _NEGLIGIBLE ** (1 / draws)))
    if 2 * reach < n:
        near = np.flatnonzero(errors <= np.partition(errors, reach)[reach])
        model = near[np.argsort(errors[near])]
    else:
        model = np.argsort(errors)
    return model, _shared(errors[model], _rank_chances(n, draws)[: model.size])


def _shared(ordered: Floats, chances: Floats) -> Floats:
    """Chances of sorted errors, shared among those that are equal."""
    starts = ordered[1:] != ordered[:-1]
    if starts.all():
        return chances
    first = np.concatenate([[0], np.flatnonzero(starts) + 1])
    sizes = np.diff(first, append=ordered.size)
    return np.repeat(np.add.reduceat(chances, first) / sizes, sizes)


def _quantiles(values: Floats, chance: Floats, shares: Sequence[float]) -> list[float]:
    order = values.argsort()
    reached = chance[order].cumsum()
    at = order[np.minimum(reached.searchsorted([share - 1e-12 for share in shares]), values.size - 1)]
    return [float(v) for v in values[at]]

"""Trends over regimes: best ranges against flops, epochs or resolution, and whether ranks carry over."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsx.analysis.best import best_range
from dsx.analysis.regression import fit_line
from dsx.base.errors import DsxError
from dsx.base.record import Record
from dsx.results.arrays import Floats, Table, check_level, column, frame, number_array
from dsx.results.columns import parameter_columns
from dsx.results.states import finished


@dataclass(frozen=True, eq=False)
class RankCorrelation(Record):
    """Spearman's rank correlation of n pairs, its interval and the p-value of none; a mapping too."""

    n: int
    correlation: float
    low: float
    high: float
    pvalue: float
    level: float


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike, level: float = 0.95) -> RankCorrelation:
    """Spearman's rank correlation with its interval.

    x, y: (n,) numbers, ties get mean ranks; pairs with a NaN take no part. Interval: Fisher's z with the
    infinitesimal jackknife's standard error, which holds for any scatter, weighed with five pairs' worth of
    Bonett and Wright's (2000) for normal variables; the end away from 0 is reckoned from the estimate freed
    of its bias towards 0. Conservative for correlations above 0.9 of few pairs; NaN below 4 pairs, like
    everything where x or y does not vary. pvalue: two-sided, of no association: exact up to 9 pairs, by all orders of
    y; above by Student's t, which of ten pairs is a third too low around 0.003. Raises DsxError if the lengths differ.
    """
    xs, ys = number_array(x, "x"), number_array(y, "y")
    tail = (1 + check_level(level)) / 2
    if xs.size != ys.size:
        raise DsxError(f"x and y: {xs.size} and {ys.size} values: a correlation needs pairs")
    kept = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[kept], ys[kept]
    if xs.size < 2 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return RankCorrelation(xs.size, math.nan, math.nan, math.nan, math.nan, level)
    from scipy.special import ndtri

    n, x_ranks, y_ranks = xs.size, _Ranks(xs), _Ranks(ys)
    rho = float(np.clip(np.corrcoef(x_ranks.ranks, y_ranks.ranks)[0, 1], -1, 1))
    ends = _interval(rho, _rank_error(x_ranks, y_ranks), n, float(ndtri(tail))) if n > 3 else (math.nan, math.nan)
    return RankCorrelation(n, rho, *ends, _pvalue(x_ranks.ranks, y_ranks.ranks, rho), level)


_EXACT = 9  # pairs, of which all 362,880 orders are looked at


def _pvalue(x: Floats, y: Floats, rho: float) -> float:
    """Chance of a rank correlation at least as far from 0 if x and y have nothing to do with each other."""
    n = x.size
    if n <= _EXACT:
        u, v = x - x.mean(), y - y.mean()
        products = v[_orders(n)] @ u
        # ranks are multiples of a half, so that unequal products differ by more than rounding
        return float(np.mean(np.abs(products) >= abs(float(u @ v)) - 1e-6))
    from scipy.special import stdtr

    # no order of n is less likely than that
    least = 2 / math.factorial(n) if n < 100 else 0.0
    return max(float(2 * stdtr(n - 2, -abs(rho) * math.sqrt((n - 2) / max(1 - rho**2, 1e-300)))), least)


@lru_cache(maxsize=1)
def _orders(n: int) -> npt.NDArray[np.int8]:
    """(n!, n) all orders of n things."""
    orders = np.zeros((1, 0), np.int8)
    for k in range(n):
        # k is put into each place of every order of those before it
        parts = [np.insert(orders, at, np.int8(k), axis=1) for at in range(k + 1)]
        orders = np.concatenate(parts)
    return orders


def _interval(rho: float, error: float, n: int, z: float) -> tuple[float, float]:
    """Interval of a rank correlation of n pairs from its standard error, by z on Fisher's scale.

    The expected sample value is ((n − 2)ρ + 3τ)/(n + 1), Kendall's τ here as normal variables have it.
    """
    strength = min(abs(rho), 1 - 6 / (n**3 - n))  # perfect agreement: half a step short of it
    tau = 2 / math.pi * math.asin(min(1.0, 2 * math.sin(math.pi * abs(rho) / 6)))
    unbiased = min(max(((n + 1) * abs(rho) - 3 * tau) / (n - 2), strength), 1 - 1e-12)
    relative = (error / (1 - strength**2)) ** 2 * n / (n - 3)
    near, far = (math.sqrt((5 * (1 + r**2 / 2) / (n - 3) + n * relative) / (n + 5)) for r in (strength, unbiased))
    ends = math.tanh(math.atanh(strength) - z * near), math.tanh(math.atanh(unbiased) + z * far)
    return ends if rho >= 0 else (-ends[1], -ends[0])


def _rank_error(x: _Ranks, y: _Ranks) -> float:
    """Standard error of the rank correlation by the infinitesimal jackknife.

    A pair moves it by its own product of ranks and by raising the ranks of all above it in x, and in y.
    """
    u, v = (r.ranks - (r.ranks.size + 1) / 2 for r in (x, y))
    influence = u * v + x.sum_above(v) + y.sum_above(u)
    influence -= influence.mean()
    return float(np.sqrt(np.sum(influence**2) / (np.sum(u**2) * np.sum(v**2))))


class _Ranks:
    """Ranks of values from 1, ties their mean. group: which of the distinct values, ascending, each is."""

    def __init__(self, values: Floats) -> None:
        _, self.group, sizes = np.unique(values, return_inverse=True, return_counts=True)
        self.ranks: Floats = (np.cumsum(sizes) - (sizes - 1) / 2)[self.group]

    def sum_above(self, values: Floats) -> Floats:
        """For each of the ranked, the sum of the values of those above it, of its equals by half."""
        totals = np.bincount(self.group, values)
        return (np.cumsum(totals[::-1])[::-1] - totals / 2)[self.group]


def rank_agreement(tables: Mapping[str, Table], level: float = 0.95) -> Table:
    """Do the same models rank alike in different studies (recipes, epochs, seeds)? One row per pair of studies.

    tables: name → results table, models matched by `model_id`. Columns: a, b, n (models finished in both),
    only_a, only_b, correlation, low, high, pvalue. Raises DsxError if a table has no model_id.
    """
    errors = {}
    for name, table in tables.items():
        rows = finished(table)
        if "model_id" not in rows.columns:
            raise DsxError(f"{name}: no column 'model_id': models of two studies are matched by it")
        errors[name] = rows.set_index("model_id")["error"]
    rows_out = []
    for a, b in itertools.combinations(errors, 2):
        both = errors[a].index.intersection(errors[b].index)
        result = rank_correlation(errors[a][both].to_numpy(), errors[b][both].to_numpy(), level)
        only = {"only_a": len(errors[a]) - len(both), "only_b": len(errors[b]) - len(both)}
        rows_out.append({"a": a, "b": b, **result, **only, "n": len(both)})
    return frame(rows_out, ["a", "b", "n", "only_a", "only_b", "correlation", "low", "high", "pvalue"])


def trend(
    tables: Mapping[str, Table],
    regime: Mapping[str, float] | str = "flops",
    columns: Sequence[str] | None = None,
    fraction: float = 0.25,
    level: float = 0.95,
) -> Table:
    """Best ranges of parameters against the regime of the studies (RegNet Fig. 11, 12).

    tables: name → results table, one per regime. regime: name → value, or a column whose median over the
    finished models is taken, NaN if none has one. columns: by default the parameters that all studies have.
    Rows: parameter, study, regime, low, median, high (best range), all_low, all_high (the whole
    population's), n.
    Raises DsxError if a regime is missing.
    """
    studies = {name: finished(table) for name, table in tables.items()}
    studies = {name: rows for name, rows in studies.items() if len(rows)}
    if not isinstance(regime, str) and set(studies) - set(regime):
        raise DsxError(f"regime: no value for {', '.join(sorted(set(studies) - set(regime)))}: give one per study")
    shared = [set(parameter_columns(rows)) for rows in studies.values()]
    first = next(iter(studies.values()), None)
    if columns is None:
        columns = [c for c in parameter_columns(first) if all(c in s for s in shared)] if first is not None else []
    medians = []
    for parameter in columns:
        for name, rows in studies.items():
            at = _median(column(rows, regime)) if isinstance(regime, str) else float(regime[name])
            x = column(rows, parameter)
            if np.isfinite(x).any():
                ends = best_range(x, rows["error"].to_numpy(), fraction, level)
                known = int(np.isfinite(x).sum())
                medians.append((parameter, name, at, *ends, float(np.nanmin(x)), float(np.nanmax(x)), known))
    return frame(medians, ["parameter", "study", "regime", "low", "median", "high", "all_low", "all_high", "n"])


def _median(values: Floats) -> float:
    """Median of the values that are known, NaN if none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan


def trend_fits(trends: Table, log: bool = False, level: float = 0.95) -> Table:
    """A line through the medians of each parameter of `trend` against the regime: parameter, n, slope with interval …

    log: fit log–log. Parameters with fewer than 2 regimes, or none above 0 with log, are left out.
    Raises DsxError for another table.
    """
    if missing := [name for name in ("parameter", "regime", "median") if name not in trends.columns]:
        raise DsxError(f"trends: no column '{missing[0]}': expected what `trend` gives")
    rows = []
    for parameter, part in trends.groupby("parameter", sort=False):
        try:
            fit = fit_line(part["regime"].to_numpy(), part["median"].to_numpy(), log, level)
        except DsxError:
            continue
        rows.append((parameter, fit.n, fit.slope, fit.slope_low, fit.slope_high, fit.intercept, fit.r2))
    return frame(rows, ["parameter", "n", "slope", "slope_low", "slope_high", "intercept", "r2"])

"""How many models are enough: how far small samples stray, and what a comparison of two spaces will need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.analysis.counts import finished
from dsx.analysis.values import Errors, Floats, check_level, error_array, frame, is_table
from dsx.analysis.words import number
from dsx.errors import DsxError

if TYPE_CHECKING:
    import pandas as pd


def ks_by_sample_size(
    errors: Errors, sizes: Sequence[int] | None = None, trials: int = 200, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """KS distance between a population and random samples of it, by the samples' size (NDS Fig. 7).

    errors: (N,) percent. sizes: by default 1, 2, 4 … up to N/4, beyond which a sample drawn from the
    population is too much of it to stand for a fresh one. Rows: n, distance (mean of `trials` samples
    without replacement), low, high (the central `level` share of them), expected (mean for a fresh
    sample of a continuous distribution, √(π/2)·ln 2/√n, for large n).
    Raises DsxError if a size is below 1 or above N.
    """
    ordered = np.sort(error_array(errors))
    sizes = _sizes(sizes, ordered.size, ordered.size, ordered.size // 4)
    distinct = np.unique(ordered)
    share = np.searchsorted(ordered, distinct, side="right") / ordered.size
    tail = (1 - check_level(level)) / 2
    rows = []
    for n in sizes:
        rng = np.random.default_rng([seed, 5, n])
        distances = np.empty(trials)
        for trial in range(trials):
            drawn = np.sort(ordered[rng.choice(ordered.size, n, replace=False, shuffle=False)])
            distances[trial] = np.abs(np.searchsorted(drawn, distinct, side="right") / n - share).max()
        low, high = np.quantile(distances, [tail, 1 - tail])
        rows.append((n, distances.mean(), low, high, math.sqrt(math.pi / 2) * math.log(2) / math.sqrt(n)))
    return frame(rows, ["n", "distance", "low", "high", "expected"])


def right_order(
    errors_a: Errors, errors_b: Errors, sizes: Sequence[int] | None = None, trials: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """How often n models of each space put the two in the order that all the models put them in.

    errors: (N,) percent each. sizes: by default 1, 2, 4 … up to the smaller N. Rows: n, by_mean, by_median,
    by_min (share of `trials` samples, drawn with replacement, whose mean, median, minimum differ in the
    same direction; ties count half). Right means as in the whole populations, which may themselves err.
    """
    a, b = error_array(errors_a), error_array(errors_b)
    statistics: dict[str, Any] = {"by_mean": np.mean, "by_median": np.median, "by_min": np.min}
    rows = []
    for n in _sizes(sizes, min(a.size, b.size), None, min(a.size, b.size)):
        rng = np.random.default_rng([seed, 6, n])
        drawn_a, drawn_b = (e[rng.integers(0, e.size, (trials, n))] for e in (a, b))
        row: dict[str, float] = {"n": n}
        for name, statistic in statistics.items():
            truth = np.sign(statistic(a) - statistic(b))
            found = np.sign(statistic(drawn_a, axis=1) - statistic(drawn_b, axis=1))
            row[name] = float(np.mean((found == truth) + 0.5 * (found == 0) * (truth != 0)))
        rows.append(row)
    return frame(rows, ["n", *statistics])


def plan(
    pilot_a: Any,
    pilot_b: Any = None,
    difference: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    seconds_per_model: float | None = None,
) -> dict[str, Any]:
    """Models per space needed to tell a difference in mean error, and what training them costs.

    pilot_a, pilot_b: results tables or (n,) errors of pilot studies; with one pilot the other space is
    taken to be as spread out. difference: points of mean error to be told; by default that of the two
    pilots. power: chance to tell it. seconds_per_model: device time; by default the mean `seconds` of
    the pilots' finished models. Keys: n (per space, each), n_low, n_high (from the interval of the
    pilots' spread), difference, spread (standard deviation, points), power, level, seconds_per_model,
    device_hours (of both spaces in all; NaN if no time is known), words.
    Normal approximation: n = (z₁ + z₂)² (s_a² + s_b²)/difference², at least 6.
    Raises DsxError if a pilot has under 2 finished models, or no difference is known.
    """
    from scipy.special import ndtri

    pilots = [pilot_a] if pilot_b is None else [pilot_a, pilot_b]
    errors = [error_array(p, f"pilot {i}") for i, p in enumerate(pilots, 1)]
    for e in errors:
        if e.size < 2:
            raise DsxError("plan: a pilot study needs at least 2 finished models to show the spread of errors")
    if not 0 < power < 1:
        raise DsxError(f"power = {power}: expected a chance between 0 and 1, such as 0.8")
    difference = _difference(errors) if difference is None else abs(difference)
    if difference == 0:
        raise DsxError("plan: no difference to tell: give the difference in points that matters, such as 0.5")
    variances = [float(e.var(ddof=1)) for e in errors]
    total = sum(variances) * (2 if len(errors) == 1 else 1)
    factor = float(ndtri((1 + check_level(level)) / 2) + ndtri(power)) ** 2 / difference**2
    low, high = _variance_interval(errors, level)
    count = {name: max(6, math.ceil(factor * v)) for name, v in (("n", total), ("n_low", low), ("n_high", high))}
    seconds = _seconds(pilots) if seconds_per_model is None else seconds_per_model
    result: dict[str, Any] = {
        **count, "difference": difference, "spread": math.sqrt(total / 2), "power": power, "level": level,
        "seconds_per_model": seconds, "device_hours": 2 * count["n"] * seconds / 3600,
    }  # fmt: skip
    return result | {"words": _plan_in_words(result)}


def _plan_in_words(p: dict[str, Any]) -> str:
    cost = "" if math.isnan(p["device_hours"]) else f", {p['device_hours']:,.3g} device-hours in all"
    return (
        f"To tell a difference of {number(p['difference'], 2)} points in mean error with probability {p['power']:g} "
        f"({100 * p['level']:g} % intervals, errors spread by {number(p['spread'], 2)} points): "
        f"{p['n']} models of each space ({p['n_low']}–{p['n_high']}){cost}."
    )


def _variance_interval(errors: list[Floats], level: float) -> tuple[float, float]:
    """Interval of s_a² + s_b²: normal on the log scale, with the errors' own fourth moment."""
    from scipy.special import ndtri

    parts = []
    for e in errors:
        s2 = float(e.var(ddof=1))
        fourth = float(np.mean((e - e.mean()) ** 4))
        # var(s²) = (μ₄ − s⁴(n−3)/(n−1))/n, whatever the distribution
        parts.append((s2, (fourth - s2**2 * (e.size - 3) / (e.size - 1)) / e.size))
    total = sum(s2 for s2, _ in parts) * (2 if len(parts) == 1 else 1)
    error = math.sqrt(max(0.0, sum(v for _, v in parts))) * (2 if len(parts) == 1 else 1)
    if total == 0:
        return 0.0, 0.0
    reach = float(ndtri((1 + level) / 2)) * error / total
    return total * math.exp(-reach), total * math.exp(reach)


def _difference(errors: list[Floats]) -> float:
    if len(errors) == 1:
        raise DsxError("plan: one pilot shows no difference: give the difference in points that matters, such as 0.5")
    return abs(float(errors[0].mean() - errors[1].mean()))


def _seconds(pilots: list[Any]) -> float:
    """Mean training time of the finished models that have one; NaN if none has."""
    known = [finished(p)["seconds"].to_numpy(float) for p in pilots if is_table(p) and "seconds" in p.columns]
    times = np.concatenate([*known, [math.nan]])
    times = times[np.isfinite(times)]
    return float(times.mean()) if times.size else math.nan


def _sizes(sizes: Sequence[int] | None, n: int, limit: int | None, default: int) -> list[int]:
    if sizes is None:
        return [2**i for i in range(int(math.log2(max(1, default))) + 1)]
    for size in sizes:
        if size < 1 or (limit is not None and size > limit):
            raise DsxError(f"size {size}: expected a number of models between 1 and {n}")
    return [int(size) for size in sizes]

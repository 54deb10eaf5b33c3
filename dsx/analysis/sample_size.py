"""How many models are enough: how far small samples stray, and what a comparison of two spaces will need."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, check_count, check_level, frame
from dsx.results.samples import Errors, as_sample


def ks_by_sample_size(
    errors: Errors, sizes: Sequence[int] | None = None, trials: int = 200, level: float = 0.95, seed: int = 0
) -> Table:
    """KS distance between a population and random samples of it, by the samples' size (NDS Fig. 7).

    errors: (N,) percent. sizes: by default 1, 2, 4 … up to N/4, beyond which a sample drawn from the
    population is too much of it to stand for a fresh one. Rows: n, distance (mean of `trials` samples
    without replacement), low, high (the central `level` share of them), expected (mean for a fresh
    sample of a continuous distribution, √(π/2)·ln 2/√n, for large n).
    Raises DsxError if a size is below 1 or above N.
    """
    ordered = np.sort(as_sample(errors))
    check_count(trials, "trials")
    sizes = _sizes(sizes, ordered.size, ordered.size, ordered.size // 4)
    at_or_below = np.searchsorted(ordered, ordered, side="right") / ordered.size
    below = np.searchsorted(ordered, ordered, side="left") / ordered.size
    tail = (1 - check_level(level)) / 2
    rows = []
    for n in sizes:
        rng = np.random.default_rng([seed, 5, n])
        distances = np.empty(trials)
        for trial in range(trials):
            chosen = np.sort(rng.choice(ordered.size, n, replace=False, shuffle=False))
            sample = ordered[chosen]
            # the curves are furthest apart at a drawn error or just below it
            above = np.searchsorted(sample, sample, side="right") / n - at_or_below[chosen]
            under = np.searchsorted(sample, sample, side="left") / n - below[chosen]
            distances[trial] = max(np.abs(above).max(), np.abs(under).max())
        low, high = np.quantile(distances, [tail, 1 - tail])
        rows.append((n, distances.mean(), low, high, math.sqrt(math.pi / 2) * math.log(2) / math.sqrt(n)))
    return frame(rows, ["n", "distance", "low", "high", "expected"])


def right_order(
    errors_a: Errors,
    errors_b: Errors,
    sizes: Sequence[int] | None = None,
    trials: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Table:
    """How often n models of each space put the two in the order that all the models put them in.

    errors: (N,) percent each. sizes: by default 1, 2, 4 … up to the smaller N, 512 at most. Rows: n, by_mean,
    by_median, by_min (share of `trials` samples, drawn with replacement, whose mean, median, minimum differ
    in the same direction; ties count half; NaN if the whole populations tie), each with _low and _high.
    Right means as in the whole populations, which may themselves err: the interval is normal on the logit
    scale, its width from 200 resamples of both with a tenth of the trials in each, and NaN where n is above
    a quarter of N.
    """
    a, b = as_sample(errors_a, "a"), as_sample(errors_b, "b")
    check_level(level)
    check_count(trials, "trials")
    smaller = min(a.size, b.size)
    truth = {name: np.sign(statistic(a, axis=0) - statistic(b, axis=0)) for name, statistic in _STATISTICS.items()}
    rows = []
    for n in _sizes(sizes, smaller, None, min(smaller, 512)):
        rates = _rates(a[None], b[None], n, trials, np.random.default_rng([seed, 6, n]), truth)
        row: dict[str, float] = {"n": n, **{name: float(rate[0]) for name, rate in rates.items()}}
        ends = dict.fromkeys(truth, (math.nan, math.nan))
        if n <= smaller / 4:
            each = max(20, trials // 10)
            resampled = _resampled_rates(a, b, n, each, np.random.default_rng([seed, 7, n]), truth)
            ends = {name: _rate_interval(row[name], resampled[name], trials, each, level) for name in truth}
        rows.append(row | {f"{name}_{end}": ends[name][i] for name in truth for i, end in enumerate(("low", "high"))})
    return frame(rows, ["n", *truth, *(f"{name}_{end}" for name in truth for end in ("low", "high"))])


_POPULATIONS = 200
_AT_ONCE = 2_000_000  # numbers held at once
_STATISTICS: dict[str, Any] = {"by_mean": np.mean, "by_median": np.median, "by_min": np.min}


def _resampled_rates(
    a: Floats, b: Floats, n: int, trials: int, rng: np.random.Generator, truth: Mapping[str, float]
) -> dict[str, Floats]:
    """`_rates` of populations drawn anew from both, a few at a time. a, b: (N,) errors."""
    step = max(1, _AT_ONCE // max(a.size, b.size, trials * n))
    parts = []
    for start in range(0, _POPULATIONS, step):
        count = min(step, _POPULATIONS - start)
        anew_a, anew_b = (rng.choice(e, (count, e.size - 1)) for e in (a, b))
        parts.append(_rates(anew_a, anew_b, n, trials, rng, truth))
    return {name: np.concatenate([part[name] for part in parts]) for name in truth}


def _rates(
    a: Floats, b: Floats, n: int, trials: int, rng: np.random.Generator, truth: Mapping[str, float]
) -> dict[str, Floats]:
    """Share of trials with n models of each whose statistic differs as `truth` says, ties half, of several populations.

    a, b: (populations, N) errors. Returns (populations,) for each statistic.
    """
    right = {name: np.zeros(len(a)) for name in _STATISTICS}
    step = max(1, _AT_ONCE // (len(a) * n))
    for start in range(0, trials, step):
        count = min(step, trials - start)
        drawn_a, drawn_b = (
            np.take_along_axis(e, rng.integers(0, e.shape[1], (len(e), count * n)), 1).reshape(-1, count, n)
            for e in (a, b)
        )
        for name, statistic in _STATISTICS.items():
            order = np.sign(statistic(drawn_a, axis=2) - statistic(drawn_b, axis=2))
            right[name] += np.where(order == 0, 0.5, order == truth[name]).sum(axis=1)
    return {name: count / trials if truth[name] else np.full(len(a), math.nan) for name, count in right.items()}


def _rate_interval(rate: float, resampled: Floats, trials: int, each: int, level: float) -> tuple[float, float]:
    """Normal interval on the logit scale; the spread of the resampled rates less that of counting so few trials."""
    from scipy.special import expit, logit, ndtri

    inside = min(max(rate, 0.5 / trials), 1 - 0.5 / trials)
    noise = float(np.mean(resampled * (1 - resampled))) / each
    spread = math.sqrt(max(float(resampled.var(ddof=1)) - noise, 0.0) + inside * (1 - inside) / trials)
    reach = float(ndtri((1 + level) / 2)) * spread / (inside * (1 - inside))
    return float(expit(logit(inside) - reach)), float(expit(logit(inside) + reach))


def _sizes(sizes: Sequence[int] | None, n: int, limit: int | None, default: int) -> list[int]:
    if sizes is None:
        return [2**i for i in range(int(math.log2(max(1, default))) + 1)]
    for size in sizes:
        if size < 1 or (limit is not None and size > limit):
            raise DsxError(f"size {size}: expected a number of models between 1 and {n}")
    return [int(size) for size in sizes]

"""Lines through what populations show, and models trained several times, where the truth is known."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from error_laws import LAWS

import dsx
from dsx.analysis import fit_line, trend, trend_fits
from dsx.analysis.confirmation import Confirmation, confirm
from dsx.analysis.replicates import shrunken_errors

# of one space over two and a half decades, where the spread of parameters grows with the flops
WIDE = ("AnyNetXE", (10e6, 4e9))


@functools.cache
def wide_models() -> pd.DataFrame:
    """6,000 models with flops, params, acts and made-up seconds, which are skewed."""
    space, flops = WIDE
    models = dsx.sample(space, 6000, seed=3, flops=flops).table.copy()
    late = np.exp(np.random.default_rng(5).gamma(1, 0.2, len(models)))
    models["seconds"] = (models["flops"] / 3e9 + models["acts"] / 2e7) * late
    return models


def exponent(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The interval of an exponent as `complexity_fits` has it."""
    fit = fit_line(x, y, log=True, robust=True)
    return fit.slope_low, fit.slope_high


def regimes(rng: np.random.Generator, law: str, count: int, n: int, whole: bool) -> pd.Series:
    """The row of `trend_fits` for populations at 200 MF, 400 MF, …, whose best depth goes with the root of flops."""
    tables = {}
    for step in range(count):
        flops, best = 200 * 2.0**step, 6 * 2.0 ** (step / 2)
        depth = np.exp(rng.uniform(np.log(2), np.log(64), n))
        depth = np.round(depth) if whole else depth
        errors = LAWS[law](rng, n) + 2 * np.abs(np.log(depth / best))
        tables[f"{flops:g}"] = pd.DataFrame({"state": "done", "error": errors, "flops": flops, "depth": depth})
    return trend_fits(trend(tables, "flops", ["depth"]), log=True).iloc[0]


def winners_anew(rng: np.random.Generator, law: str, n: int, top: int, seeds: int) -> Confirmation:
    """The best of n models trained anew; errors and the luck of a training follow laws."""
    true = LAWS["gamma"](rng, n)
    seen = true + LAWS[law](rng, n)
    best = np.argsort(seen)[:top]
    fresh = true[best, None] + LAWS[law](rng, top * seeds).reshape(top, seeds)
    names = np.array([f"m{i}" for i in range(top)])
    return confirm(_results(seen[best], names), _results(fresh.ravel(), np.repeat(names, seeds)))


def share_within(rng: np.random.Generator, law: str, n: int, noise: float, seeds: int = 3) -> float:
    """The share of models whose true error lies within its interval by several seeds (`seeds_models.csv`)."""
    true = LAWS[law](rng, n)
    errors = true[:, None] + rng.normal(0, noise, (n, seeds))
    told = shrunken_errors(errors.ravel(), np.repeat(np.arange(n), seeds))
    return float(np.mean((told.low <= true) & (true <= told.high)))


def two_schedules(rng: np.random.Generator, law: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the same models after a short and a long schedule, of few images where the law is coarse."""
    true = LAWS[law](rng, n)
    short, long = true + 0.7 * LAWS["gamma"](rng, n), true + rng.normal(0, 0.7, n)
    return (np.round(short * 3.6) / 3.6, np.round(long * 3.6) / 3.6) if law == "discrete" else (short, long)


def _results(errors: np.ndarray, models: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"model_id": models, "state": "done", "error": errors})

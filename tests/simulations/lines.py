"""Do the intervals of lines, and of models that are trained several times, hold? Tables of docs/method.md.

    .venv/bin/python tests/simulations/lines.py [--repeats 1000] [--only seeds]

Exponents of `complexity_fits`, robust and plain, of models of one space over a wide range of flops; slopes of
`trend_fits` through the best ranges of three to six populations; the median change of `dsx confirm`, and for
comparison Student's interval of the mean change; what several seeds tell of each model (`seeds_models.csv`), and
Kendall's τ of two schedules; over the four laws of errors.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))
from error_laws import LAWS
from markdown_tables import head, row
from simulated_coverage import coverage
from simulated_lines import exponent, regimes, share_within, two_schedules, wide_models, winners_anew

from dsx.analysis import fit_line
from dsx.analysis.replicates import rank_agreement_interval

SIZES = (16, 64, 128, 500)


def exponents(repeats: int) -> None:
    models = wide_models()
    head("Coverage of 95 % intervals of exponents, AnyNetXE from 10 MF to 4 GF", "exponent", "of", "interval",
         *(f"n = {n}" for n in SIZES))  # fmt: skip

    def plain(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        fit = fit_line(x, y, log=True)
        return fit.slope_low, fit.slope_high

    def some(rng: np.random.Generator, xs: np.ndarray, ys: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.integers(0, xs.size, n)
        return xs[rows], ys[rows]

    for y, x in (("params", "flops"), ("acts", "flops"), ("seconds", "flops"), ("seconds", "acts")):
        xs, ys = models[x].to_numpy(), models[y].to_numpy()
        truth = stats.linregress(np.log(xs), np.log(ys)).slope
        for name, interval in (("robust", exponent), ("plain", plain)):
            draws = [partial(some, xs=xs, ys=ys, n=n) for n in SIZES]
            shares = [f"{100 * coverage(interval, draw, truth, repeats):.1f} %" for draw in draws]
            row(f"{y} ∝ {x}ˢ", f"{truth:.2f}", name, *shares)


def trends(repeats: int) -> None:
    head("Coverage of 95 % intervals of trends' slopes, over the four laws", "populations", "depth",
         *(f"n = {n}" for n in SIZES))  # fmt: skip
    for count, whole in itertools.product((3, 4, 6), (False, True)):
        cells = []
        for n in SIZES:
            shares = []
            for law in LAWS:
                fits = [regimes(np.random.default_rng([n, r]), law, count, n, whole) for r in range(repeats)]
                ends, truth = (np.array([[f[f"slope{e}"] for e in ("_low", "_high")] for f in fits]),
                               np.mean([f["slope"] for f in fits]))  # fmt: skip
                shares.append(100 * np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))
            cells.append(f"{min(shares):.1f}–{max(shares):.1f} %")
        row(count, "whole numbers" if whole else "any", *cells)


def winners(repeats: int) -> None:
    sizes = (6, 10, 20, 64)
    head("Coverage of 95 % intervals of winners' change, of 100 models, by the law of luck", "luck", "seeds",
         "interval of the", *(f"top {top}" for top in sizes))  # fmt: skip
    for law, seeds in itertools.product(LAWS, (1, 3)):
        medians, means = [], []
        for top in sizes:
            told = [winners_anew(np.random.default_rng([top, r]), law, 100, top, seeds) for r in range(repeats)]
            changes = np.array([confirmation.table["change"] for confirmation in told])
            low, high = np.transpose([(confirmation.low, confirmation.high) for confirmation in told])
            medians.append(_share(low, high, np.median(changes)))
            reach = stats.t.ppf(0.975, top - 1) * changes.std(1, ddof=1) / np.sqrt(top)
            means.append(_share(changes.mean(1) - reach, changes.mean(1) + reach, changes.mean()))
        row(law, seeds, "median", *medians)
        row(law, seeds, "mean, not told", *means)


def seeds(repeats: int) -> None:
    sizes = (16, 64, 500)
    head("Coverage of 95 % intervals of single models by three seeds, and of Kendall's τ of two schedules", "errors",
         *(f"{what}, n = {n}" for what in ("seeds' σ 0.5", "seeds' σ 1.5", "τ") for n in sizes))  # fmt: skip
    for law in LAWS:
        cells = []
        for noise, n in itertools.product((0.5, 1.5), sizes):
            some = range(max(repeats // n, 10))
            cells.append(np.mean([share_within(np.random.default_rng([n, r]), law, n, noise) for r in some]))
        truth = stats.kendalltau(*two_schedules(np.random.default_rng(5), law, 20_000)).statistic
        for n in sizes:
            draw = partial(two_schedules, law=law, n=n)
            cells.append(coverage(_kendalls, draw, truth, max(repeats // 2, 1) if n < 500 else max(repeats // 10, 1)))
        row(law, *(f"{100 * cell:.1f} %" for cell in cells))


def _kendalls(short: np.ndarray, long: np.ndarray) -> tuple[float, float]:
    told = rank_agreement_interval(short, long)
    return told.low, told.high


def _share(low: np.ndarray, high: np.ndarray, truth: float) -> str:
    return f"{100 * np.mean((low <= truth) & (truth <= high)):.1f} %"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--only", choices=("exponents", "trends", "winners", "seeds"))
    asked = parser.parse_args()
    shares = {"exponents": 1.0, "trends": 0.2, "winners": 1.0, "seeds": 1.0}
    for part in (exponents, trends, winners, seeds):
        if asked.only in (None, part.__name__):
            part(max(round(shares[part.__name__] * asked.repeats), 1))

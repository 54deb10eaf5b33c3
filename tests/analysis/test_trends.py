from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dsx.analysis import best_range, fit_line, rank_agreement, rank_correlation, trend, trend_fits
from dsx.base.errors import DsxError


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 10, 50)
    y = x + rng.normal(0, 3, 50)
    result = rank_correlation(np.append(x, np.nan), np.append(y, 1.0))
    oracle = stats.spearmanr(x, y)
    assert (result["n"], result["correlation"]) == (50, pytest.approx(oracle.statistic))
    assert result["pvalue"] == pytest.approx(oracle.pvalue)
    assert -1 <= result["low"] < result["correlation"] < result["high"] <= 1


@pytest.mark.slow
def test_pvalue_of_few_pairs_is_that_of_all_orders():
    assert rank_correlation([1, 2, 3], [4, 5, 6])["pvalue"] == pytest.approx(1 / 3)
    assert rank_correlation([1, 2], [2, 1])["pvalue"] == 1
    for n in (3, 5, 6, 7):
        rng = np.random.default_rng(n)
        x, y = rng.integers(0, 4, n), rng.integers(0, 4, n)
        x[:2], y[:2] = (0, 1), (0, 1)
        rho = [stats.spearmanr(x, [y[i] for i in order]).statistic for order in itertools.permutations(range(n))]
        exact = np.mean(np.abs(rho) >= abs(stats.spearmanr(x, y).statistic) - 1e-9)
        assert rank_correlation(x, y)["pvalue"] == pytest.approx(exact)


def test_pvalue_of_ten_pairs_is_near_that_of_many_orders_and_of_perfect_agreement_exact():
    x = np.arange(10)
    assert rank_correlation(x, x)["pvalue"] == pytest.approx(2 / math.factorial(10))
    rng = np.random.default_rng(0)
    for y in (rng.permutation(10), np.array([2, 0, 1, 5, 3, 4, 9, 7, 6, 8])):
        rho = stats.spearmanr(x, y).statistic
        shuffled = np.argsort(rng.random((100_000, 10)), axis=1)
        sampled = np.mean(np.abs(_rhos(x, shuffled)) >= abs(rho) - 1e-9)
        assert 0.6 * sampled <= rank_correlation(x, y)["pvalue"] <= 1.1 * sampled


def _rhos(x, orders):
    """Rank correlation of x = 0 … n − 1 with each row of orders of the same numbers."""
    n = x.size
    return 1 - 6 * ((orders - x) ** 2).sum(axis=1) / (n**3 - n)


@pytest.mark.parametrize(("x", "y"), [([1.0], [2.0]), ([1.0, 1, 1], [1.0, 2, 3]), ([], [])])
def test_what_does_not_vary_has_no_correlation(x, y):
    assert np.isnan(rank_correlation(x, y)["correlation"])


def test_perfect_agreement_has_an_interval_below_one():
    result = rank_correlation(np.arange(10), np.arange(10))
    assert result["correlation"] == pytest.approx(1)
    assert result["low"] < 1


def test_agreement_matches_models_by_their_id(table):
    a = table([1.0, 2, 3, 4, 5])
    b = table([2.0, 3, 4, 5, 6]).iloc[[3, 1, 0, 4]]
    row = rank_agreement({"a": a, "b": b}).iloc[0]
    assert (row["n"], row["only_a"], row["only_b"]) == (4, 1, 0)
    assert row["correlation"] == pytest.approx(1)
    with pytest.raises(DsxError, match="a: no column 'model_id'"):
        rank_agreement({"a": a.drop(columns="model_id")})


def test_trend_gives_the_best_range_of_each_regime(table):
    rng = np.random.default_rng(0)
    tables = {}
    for gf in (0.2, 0.4, 0.8):
        depth = rng.integers(5, 40, 100).astype(float)
        tables[f"{gf} GF"] = table(30 + (depth - 20 * gf) ** 2 / 100, flops=gf, depth=depth)
    frame = trend(tables, "flops", ["depth"])
    assert frame["regime"].tolist() == [0.2, 0.4, 0.8]
    first = tables["0.2 GF"]
    assert tuple(frame.loc[0, ["low", "median", "high"]]) == best_range(first["depth"], first["error"])
    assert trend_fits(frame).loc[0, "n"] == 3
    assert trend(tables)["parameter"].unique().tolist() == ["depth"]
    with pytest.raises(DsxError, match=r"regime: no value for 0\.8 GF: give one per study"):
        trend(tables, {"0.2 GF": 1, "0.4 GF": 2}, ["depth"])


def test_trend_of_nothing_is_empty(table):
    assert trend({"a": table([np.nan], ["pending"])}).empty
    assert trend_fits(trend({})).empty


def test_fit_of_a_trend_is_that_of_a_line_through_its_medians():
    trends = pd.DataFrame({"parameter": "depth", "regime": [200.0, 400, 800, 1600], "median": [10.0, 13, 15, 20]})
    row, fit = trend_fits(trends, log=True).iloc[0], fit_line(trends["regime"], trends["median"], log=True)
    names = ["slope", "slope_low", "slope_high", "intercept", "r2"]
    assert tuple(row[names]) == tuple(getattr(fit, name) for name in names)


@pytest.mark.slow
def test_standard_error_of_a_rank_correlation_is_that_of_its_resamples():
    rng = np.random.default_rng(0)
    x = np.round(rng.random(400), 2)
    y = x + x**2 * rng.normal(0, 1, 400)
    drawn = rng.integers(0, 400, (1000, 400))
    resampled = np.std([stats.spearmanr(x[i], y[i]).statistic for i in drawn])
    row = rank_correlation(x, y)
    width = np.arctanh(row["high"]) - np.arctanh(row["low"])
    assert width / (2 * 1.96) * (1 - row["correlation"] ** 2) == pytest.approx(resampled, rel=0.05)

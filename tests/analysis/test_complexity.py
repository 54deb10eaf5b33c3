"""Log–log lines through what networks cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.complexity import complexity_fits, complexity_table


@pytest.fixture
def models() -> pd.DataFrame:
    flops = np.random.default_rng(1).uniform(1e8, 9e8, 200)
    return pd.DataFrame({"state": "done", "error": 5.0, "flops": flops, "acts": 2 * flops**0.5})


def test_complexity_fits_are_of_columns_that_vary(models):
    fits = complexity_fits(models.assign(params=5.0, seconds=np.nan))
    assert list(fits) == [("acts", "flops")]
    row = complexity_table(fits).iloc[0]
    assert (row["exponent"], row["factor"], row["r2"]) == pytest.approx((0.5, 2, 1))


def test_power_laws_are_found_in_every_pair_that_the_table_has(models):
    timed = models.assign(params=models["flops"] / 50, seconds=models["acts"] * 1e-3, inference_ms=models["flops"] ** 2)
    table = complexity_table(complexity_fits(timed)).set_index(["y", "x"])
    expected = {
        ("acts", "flops"): 0.5, ("params", "flops"): 1, ("seconds", "flops"): 0.5, ("seconds", "acts"): 1,
        ("inference_ms", "flops"): 2, ("inference_ms", "acts"): 4,
    }  # fmt: skip
    assert table["exponent"].to_dict() == pytest.approx(expected)
    assert table.loc[("params", "flops"), "factor"] == pytest.approx(1 / 50)
    assert (table["n"] == 200).all()


def test_an_exponents_interval_holds_the_truth_under_noise(models):
    noise = np.random.default_rng(2).normal(0, 0.2, 200)
    fit = complexity_fits(models.assign(acts=models["acts"] * np.exp(noise)), level=0.99)["acts", "flops"]
    assert fit.slope_low < 0.5 < fit.slope_high
    assert 0 < fit.r2 < 1


def test_two_models_give_no_line(models):
    assert complexity_fits(models[:2]) == {}
    assert complexity_table({}).columns.tolist() == [
        "y", "x", "n", "exponent", "low", "high", "factor", "r2", "warnings"
    ]  # fmt: skip

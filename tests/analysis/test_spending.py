"""Levels of several looks: published boundaries, and how often looks of a growing sample are false."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis.spending import nominal_levels, spent_by


def crossed_by(bounds: np.ndarray, models: np.ndarray) -> list[float]:
    """Chance that any look up to each lies beyond its bound, by scipy's multivariate normal law."""
    correlation = np.sqrt(np.minimum.outer(models, models) / np.maximum.outer(models, models))
    chances = [float(stats.norm.sf(bounds[0]))]
    for k in range(2, len(bounds) + 1):
        law = stats.multivariate_normal(cov=correlation[:k, :k], seed=0, abseps=1e-7, releps=1e-7, maxpts=1_000_000)
        chances.append(1 - float(law.cdf(bounds[:k])))
    return chances


@pytest.mark.slow
@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413)])
def test_pococks_boundary_is_the_one_of_equal_levels(looks: int, constant: float) -> None:
    """Constants of Jennison and Turnbull (2000), table 2.1: an error of 2.5 % on one side."""
    models = np.arange(1, looks + 1)
    spent = crossed_by(np.full(looks, constant), models)
    assert spent[-1] == pytest.approx(0.025, abs=3e-5)
    bounds = -stats.norm.ppf(nominal_levels(models, spent))
    np.testing.assert_allclose(bounds, constant, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040)])
def test_obrien_and_flemings_boundary_falls_with_the_root_of_the_models(looks: int, constant: float) -> None:
    """Constants of Jennison and Turnbull (2000), table 2.3."""
    models = np.arange(1, looks + 1)
    expected = constant * np.sqrt(looks / models)
    spent = crossed_by(expected, models)
    assert spent[-1] == pytest.approx(0.025, abs=3e-5)
    np.testing.assert_allclose(-stats.norm.ppf(nominal_levels(models, spent)), expected, rtol=2e-3)


def test_lan_and_demets_boundary_of_five_looks() -> None:
    """Published bounds of the spending function 2 − 2 Φ(z(α/2) / √t) at α = 2.5 %."""
    times = np.arange(1, 6) / 5
    spent = 2 * stats.norm.sf(stats.norm.ppf(1 - 0.0125) / np.sqrt(times))
    bounds = -stats.norm.ppf(nominal_levels(range(1, 6), spent))
    np.testing.assert_allclose(bounds, [4.877, 3.357, 2.680, 2.290, 2.031], atol=1e-3)


def test_looks_of_a_growing_sample_are_false_as_often_as_was_spent() -> None:
    models = (16, 32, 48, 64, 96)
    spent = spent_by(models, 0.1, 1.0)
    bounds = -stats.norm.ppf(nominal_levels(models, spent))
    rng = np.random.default_rng(3)
    steps = np.diff([0, *models])
    scores = np.cumsum(rng.normal(size=(200_000, 5)) * np.sqrt(steps), axis=1) / np.sqrt(models)
    crossed = (scores > bounds).cumsum(axis=1) > 0
    np.testing.assert_allclose(crossed.mean(axis=0), spent, atol=4 * np.sqrt(0.1 * 0.9 / 200_000))


def test_a_look_may_err_by_more_than_is_spent_at_it_and_less_than_is_spent_up_to_it() -> None:
    models = (24, 64, 160)
    spent = spent_by(models, 0.02, 2.0)
    assert spent[-1] == 0.02
    levels = nominal_levels(models, spent)
    assert levels[0] == spent[0]
    assert (levels[1:] > np.diff(spent)).all()
    assert (levels[1:] < spent[1:]).all()


def test_one_look_has_all_of_the_error() -> None:
    assert nominal_levels((30,), spent_by((30,), 0.05, 2.0)).tolist() == [0.05]


@pytest.mark.parametrize("error", [1e-6, 1e-12, 1e-60, 1e-200])
def test_an_error_that_is_all_but_spent_is_kept(error: float) -> None:
    spent = spent_by((16, 32, 48, 64, 96), error, 1.0)
    levels = nominal_levels((16, 32, 48, 64, 96), spent)
    assert (levels[1:] >= np.diff(spent) * (1 - 1e-9)).all()
    assert (levels <= spent * (1 + 1e-9)).all()

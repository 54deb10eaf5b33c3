"""Intervals that are conservative, as their docstrings say: they hold what they are to hold no less often than stated.

Where theory gives how often, it is worked out, and simulation agrees with it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from simulated_coverage import REPEATS, SKEWED, coverage, normal_pairs, skewed, spearmans

from dsx.analysis import (
    best_range,
    best_weights,
    edf,
    joint_best_range,
    min_interval,
    quantile_interval,
    share_below,
    superiority,
)
from dsx.analysis.weights import matched_bins


@pytest.mark.parametrize("shift", [0.0, 2.0, 3.0])
def test_superiority_of_few_models_is_conservative(shift):
    def draw(rng):
        return rng.normal(0, 1, 12), rng.normal(shift, 1, 12)

    assert coverage(superiority, draw, stats.norm.cdf(shift / np.sqrt(2))) >= 0.95


def test_share_below_is_conservative_by_its_exact_coverage():
    n, counts = 40, np.arange(41)
    ends = np.array([share_below(np.where(np.arange(n) < k, 1.0, 3.0), 2.0)[1:] for k in counts])
    for p in np.linspace(0.01, 0.99, 99):
        covered = stats.binom.pmf(counts, n, p)[(ends[:, 0] <= p) & (p <= ends[:, 1])].sum()
        assert covered >= 0.95


@pytest.mark.parametrize("n", [10, 100])
def test_simultaneous_band_is_conservative_by_its_exact_coverage(n):
    assert 0.95 <= stats.kstwo.cdf(edf(np.arange(n)).half_width, n) < 0.97


def holds_the_uniform_curve(errors, weights):
    """1 if the band holds F(e) = e at every error and just above it, else 0."""
    curve = edf(errors, weights)
    above = np.append(curve.probability[1:], 1.0)
    return max(np.abs(curve.probability - curve.error).max(), np.abs(above - curve.error).max()) <= curve.half_width


@pytest.mark.parametrize("weighted", [False, True])
def test_simultaneous_band_holds_the_whole_curve_conservatively(weighted):
    weights = np.random.default_rng(0).gamma(2, 1, 60) if weighted else None
    hits = [holds_the_uniform_curve(np.random.default_rng([7, i]).random(60), weights) for i in range(REPEATS)]
    assert 0.945 <= np.mean(hits) <= 0.98


@pytest.mark.slow
def test_simultaneous_band_weighted_by_complexity_holds_the_whole_curve():
    # more models are small; the errors fall with size; in the matched distribution all sizes weigh the same
    sizes = np.random.default_rng(1).random(200_000)
    truth = np.sort(1 - sizes + np.random.default_rng(2).random(200_000))
    hits = 0
    for repeat in range(1000):
        rng = np.random.default_rng([7, repeat])
        size = rng.beta(1, 1.5, 120)
        errors = 1 - size + rng.random(120)
        curve = edf(errors, matched_bins([size], 5, (0, 1)).weights(size))
        share = np.searchsorted(truth, curve.error) / truth.size
        above = np.append(curve.probability[1:], 1.0)
        hits += max(np.abs(curve.probability - share).max(), np.abs(above - share).max()) <= curve.half_width
    assert hits / 1000 >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "n"), [(0.9, 10), (0.98, 20), (0.98, 60)])
def test_strong_rank_correlation_of_few_pairs_is_conservative(rho, n):
    assert coverage(spearmans, normal_pairs(rho, n), 6 / np.pi * np.arcsin(rho / 2)) >= 0.95


@pytest.mark.parametrize(("q", "n"), [(0.1, 60), (0.5, 24), (0.5, 400)])
def test_quantile_is_conservative_by_its_exact_coverage(q, n):
    low, high = quantile_interval(np.arange(1, n + 1), q)
    exact = stats.binom.cdf(high - 1, n, q) - stats.binom.cdf(low - 1, n, q)
    assert exact >= 0.95
    share = coverage(lambda e: quantile_interval(e, q), lambda rng: (skewed(rng, n),), SKEWED.ppf(q))
    assert share == pytest.approx(exact, abs=0.012)


def test_lowest_error_of_a_resample_is_held_conservatively():
    n = 30
    errors = skewed(np.random.default_rng(0), n)
    low, high = min_interval(errors)
    exact = 1 - (1 - np.sum(errors <= high) / n) ** n
    resampled = errors[np.random.default_rng(1).integers(0, n, (20_000, n))].min(axis=1)
    assert exact >= 0.975
    assert np.mean((low <= resampled) & (resampled <= high)) == pytest.approx(exact, abs=0.004)


def test_best_range_holds_the_best_of_the_models_at_hand_as_often_as_it_says():
    rng = np.random.default_rng(0)
    x = rng.random(400)
    errors = 40 + (x - 0.4) ** 2 + rng.gamma(2, 0.1, 400)
    low, _, high = best_range(x, errors)
    drawn = rng.integers(0, 400, (20_000, 100))
    best = x[drawn[np.arange(20_000), errors[drawn].argmin(axis=1)]]
    assert np.mean((low <= best) & (best <= high)) >= 0.945
    coarse = np.round(x, 1)
    low, _, high = best_range(coarse, errors)
    assert best_weights(errors)[(low <= coarse) & (coarse <= high)].sum() >= 0.95


def test_best_range_holds_the_best_of_fresh_models_less_often():
    def models(rng, n):
        x = rng.random(n)
        return x, 3 * (x - 0.4) ** 2 + rng.gamma(2, 0.3, n)

    hits = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng([7, repeat])
        low, _, high = best_range(*models(rng, 200))
        x, errors = models(rng, 50)
        hits += low <= x[errors.argmin()] <= high
    assert 0.84 <= hits / REPEATS <= 0.90


def test_joint_range_holds_the_best_pair_with_the_probability_it_tells():
    rng = np.random.default_rng(0)
    x, y = rng.random(300), rng.random(300)
    errors = (x - 0.5) ** 2 + (y - 0.3) ** 2 + rng.gamma(2, 0.05, 300)
    joint = joint_best_range(x, y, errors)
    drawn = rng.integers(0, 300, (20_000, 75))
    best = drawn[np.arange(20_000), errors[drawn].argmin(axis=1)]
    inside = [(v[best] >= ends[0]) & (v[best] <= ends[2]) for v, ends in ((x, joint.x), (y, joint.y))]
    assert np.mean(inside[0] & inside[1]) == pytest.approx(joint.probability, abs=0.005)
    assert joint.probability >= 0.95

"""Every distribution against masses computed apart from it, by goodness of fit at a fixed seed."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from dsx.spaces.distributions import Parameter, from_shorthand

DRAWS = 200_000


def make(**fields):
    return TypeAdapter(Parameter).validate_python(fields)


def uniforms(n=DRAWS, seed=0):
    return np.random.default_rng(seed).random(n)


def log_uniform_masses(low, high, step):
    """The formula of the design, value by value."""
    values, masses = [], []
    value = low
    while value <= high + 1e-9:
        below = value - step if values else value - min(step, low / 2)
        values.append(value)
        masses.append(math.log(value) - math.log(below))
        value += step
    return np.array(values), np.array(masses) / sum(masses)


def normal_masses(low, high, step, mean, std):
    """Truncated normal rounded to the nearest value of the grid."""
    values = np.arange(low, high + step / 2, step)
    edges = np.clip(np.concatenate([values - step / 2, values[-1:] + step / 2]), low, high)
    masses = np.diff(stats.norm(mean, std).cdf(edges))
    return values, masses / masses.sum()


CASES = {
    "uniform": (
        {"distribution": "uniform", "low": 3, "high": 20, "step": 4},
        ([3, 7, 11, 15, 19], [0.2] * 5),
    ),
    "log_uniform": (
        {"distribution": "log_uniform", "low": 8, "high": 1024, "step": 8},
        log_uniform_masses(8, 1024, 8),
    ),
    "log_uniform from 1": (
        {"distribution": "log_uniform", "low": 1, "high": 16, "step": 1},
        log_uniform_masses(1, 16, 1),
    ),
    "log_uniform in tenths": (
        {"distribution": "log_uniform", "low": 0.5, "high": 2, "step": 0.1},
        log_uniform_masses(0.5, 2, 0.1),
    ),
    "powers_of_two": (
        {"distribution": "powers_of_two", "low": 1, "high": 32},
        ([1, 2, 4, 8, 16, 32], [1 / 6] * 6),
    ),
    "powers_of_two below 1": (
        {"distribution": "powers_of_two", "low": 0.125, "high": 1},
        ([0.125, 0.25, 0.5, 1], [0.25] * 4),
    ),
    "powers_of_two_or_log_uniform": (
        {"distribution": "powers_of_two_or_log_uniform", "low": 1, "high": 24},
        ([1, 2, 4, 8, 16, 24], np.log([2, 2, 2, 2, 2, 1.5]) / np.log(2**5 * 1.5)),
    ),
    "choice": (
        {"distribution": "choice", "values": [5, 1, 3]},
        ([1, 3, 5], [1 / 3] * 3),
    ),
    "choice with weights": (
        {"distribution": "choice", "values": [5, 1, 3], "weights": [1, 2, 5]},
        ([1, 3, 5], [2 / 8, 5 / 8, 1 / 8]),
    ),
    "normal": (
        {"distribution": "normal", "low": 2, "high": 30, "step": 2, "mean": 10, "std": 6},
        normal_masses(2, 30, 2, 10, 6),
    ),
    "fixed": ({"distribution": "fixed", "value": 7}, ([7], [1.0])),
}


@pytest.mark.parametrize("case", CASES)
def test_draws_fit_masses_computed_by_hand(case):
    fields, (values, masses) = CASES[case]
    distribution = make(**fields)
    np.testing.assert_allclose(distribution.values, values, atol=1e-9)
    np.testing.assert_allclose(distribution.masses, masses, rtol=1e-9)
    drawn = distribution.quantile(uniforms())
    observed = [(np.abs(drawn - value) < 1e-9).sum() for value in values]
    assert sum(observed) == DRAWS
    if len(values) > 1:
        assert stats.chisquare(observed, np.array(masses) * DRAWS).pvalue > 0.001


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"distribution": "uniform", "low": -1, "high": 3}, stats.uniform(-1, 4)),
        ({"distribution": "log_uniform", "low": 0.001, "high": 1}, stats.loguniform(0.001, 1)),
        ({"distribution": "normal", "low": -1, "high": 4, "mean": 1, "std": 2}, stats.truncnorm(-1, 1.5, 1, 2)),
        # far above the mean, where the distribution function is 1 to rounding
        ({"distribution": "normal", "low": 9, "high": 11, "mean": 0, "std": 1}, stats.truncnorm(9, 11)),
        ({"distribution": "normal", "low": -50, "high": 50, "mean": 0, "std": 1}, stats.norm()),
    ],
)
def test_continuous_draws_fit_scipys_law(fields, law):
    drawn = make(**fields).quantile(uniforms(20_000))
    assert stats.kstest(drawn, law.cdf).pvalue > 0.001
    assert make(**fields).quantile(np.array([0.0]))[0] >= fields["low"]


def test_log_normal_is_the_exponential_of_a_truncated_normal():
    law = make(distribution="log_normal", low=0.01, high=1, mean=0.1, std=0.8)
    drawn = np.log(law.quantile(uniforms(20_000)))
    centre = math.log(0.1)
    ends = [(math.log(x) - centre) / 0.8 for x in (0.01, 1)]
    assert stats.kstest(drawn, stats.truncnorm(*ends, centre, 0.8).cdf).pvalue > 0.001


def test_the_highest_uniform_gives_the_highest_value():
    for fields, (values, _) in CASES.values():
        assert make(**fields).quantile(np.array([1 - 2.0**-53]))[0] == pytest.approx(values[-1])


def test_decimal_steps_give_the_numbers_that_people_write():
    assert 0.3 in make(distribution="uniform", low=0, high=1, step=0.1).values.tolist()


def test_a_bare_value_means_fixed():
    assert from_shorthand(1.5) == {"distribution": "fixed", "value": 1.5}
    assert from_shorthand({"distribution": "uniform"}) == {"distribution": "uniform"}


@pytest.mark.parametrize("case", CASES)
def test_descriptions_name_the_range(case):
    words = make(**CASES[case][0]).describe()
    assert any(f"{end:g}" in words for end in CASES[case][1][0])

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import ks_by_sample_size, mean_difference_interval, plan, right_order
from dsx.base.errors import DsxError


@pytest.mark.slow
def test_distance_of_small_samples_is_as_expected_and_falls_with_their_size():
    errors = np.random.default_rng(0).gamma(2, 1, 4096)
    frame = ks_by_sample_size(errors, trials=200)
    assert frame["n"].tolist() == [2**i for i in range(11)]
    assert (np.diff(frame["distance"]) < 0).all()
    middle = frame[frame["n"].between(16, 128)]
    exact = [stats.kstwo(n).mean() for n in middle["n"]]
    assert middle["distance"].to_numpy() == pytest.approx(exact, rel=0.06)
    assert (frame["low"] <= frame["distance"]).all()


def test_distance_is_scipys_for_a_sample():
    errors = np.round(np.random.default_rng(1).random(50), 1)
    frame = ks_by_sample_size(errors, [50], trials=3)
    assert frame.loc[0, "distance"] == pytest.approx(0)


def test_right_order_is_a_toss_for_one_model_of_alike_spaces_and_sure_for_far_ones():
    rng = np.random.default_rng(0)
    a = rng.normal(40, 3, 500)
    far = right_order(a, rng.normal(80, 3, 500), [1, 4])
    assert (far[["by_mean", "by_median", "by_min"]] == 1).all().all()
    near = right_order(a, a + 0.5, [1, 16, 256])
    truth = stats.norm.cdf(0.5 * np.sqrt(np.array([1, 16, 256]) / 2) / a.std())
    assert near["by_mean"].to_numpy() == pytest.approx(truth, abs=0.04)


def test_plan_needs_what_the_textbook_says_and_costs_what_the_pilot_cost(table):
    errors = np.random.default_rng(0).normal(40, 2, 200)
    result = plan(table(errors, seconds=90.0), difference=0.5)
    spread = errors.std(ddof=1)
    assert result["n"] == math.ceil((1.959964 + 0.841621) ** 2 * 2 * spread**2 / 0.25 + 1.959964**2 / 4)
    assert result["n_low"] < result["n"] < result["n_high"]
    assert result["device_hours"] == pytest.approx(2 * result["n"] * 90 / 3600)
    assert result["words"].startswith("To tell a difference of 0.50 points in mean error with probability 0.8")


def test_two_pilots_plan_for_their_own_difference():
    result = plan([1.0, 2, 3, 4], [2.0, 3, 4, 5])
    assert result["difference"] == 1
    assert math.isnan(result["device_hours"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0],), "plan: a pilot study needs at least 2 finished models to show the spread of errors"),
        (([1.0, 2.0],), "plan: one pilot shows no difference: give the difference in points that matters, such as 0.5"),
        (
            ([1.0, 2.0], [1.0, 2.0]),
            "plan: no difference to tell: give the difference in points that matters, such as 0.5",
        ),
        (
            ([1.0, 2.0], [3.0] * 4, 0.5),
            "plan: all 4 errors of pilot 2 are 3 %: they show no spread, from which the number of models follows; "
            "take a pilot of more models",
        ),
        (([1.0, 2.0], None, 0.5, 80), "power = 80: expected a chance between 0 and 1, such as 0.8"),
    ],
)  # fmt: skip
def test_bad_plans_are_one_clear_line(arguments, message):
    with pytest.raises(DsxError) as caught:
        plan(*arguments)
    assert str(caught.value) == message


def test_sizes_out_of_range_are_refused():
    with pytest.raises(DsxError, match="size 9: expected a number of models between 1 and 3"):
        ks_by_sample_size([1.0, 2, 3], [9])


@pytest.mark.parametrize(("difference", "n"), [(0.5, 64), (1.0, 17)])
def test_plan_of_normal_errors_is_that_of_the_t_test(difference, n):
    # n per group for 80 % power at 5 %, two-sided, from the tables for 0.5 and 1 standard deviations
    pilot = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    assert plan(pilot / pilot.std(ddof=1), difference=difference)["n"] == n


def told(pilots, difference, n, repeats=1000):
    """Share of comparisons of n models of each pilot, one shifted, whose interval has the difference's sign."""
    hits, (a, b) = 0, (pilot - pilot.mean() for pilot in pilots)
    for repeat in range(repeats):
        rng = np.random.default_rng([8, repeat])
        low, high = mean_difference_interval(rng.choice(a, n) + difference, rng.choice(b, n))
        hits += low > 0 if difference > 0 else high < 0
    return hits / repeats


@pytest.mark.slow
@pytest.mark.parametrize("power", [0.8, 0.95])
@pytest.mark.parametrize("difference", [0.9, 2.0])
def test_planned_number_of_models_has_the_power_it_promises(difference, power):
    pilots = [np.random.default_rng(i).normal(40, spread, 2000) for i, spread in enumerate((2, 1))]
    n = plan(*pilots, difference, power)["n"]
    assert told(pilots, difference, n) == pytest.approx(power, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("difference", [0.6, 1.0])
def test_planned_number_has_the_power_for_skewed_errors_of_like_spread(difference):
    pilots = [np.random.default_rng(i).gamma(4, 0.5, 2000) for i in range(2)]
    n = plan(*pilots, difference)["n"]
    assert told(pilots, difference, n) == pytest.approx(0.8, abs=0.04)


@pytest.mark.slow
def test_skewed_errors_of_unlike_spread_reach_the_power_on_average_over_both_directions():
    pilots = [np.random.default_rng(i).gamma(4, scale, 2000) for i, scale in enumerate((1, 0.5))]
    n = plan(*pilots, 0.8)["n"]
    up, down = told(pilots, 0.8, n), told(pilots, -0.8, n)
    assert (up + down) / 2 == pytest.approx(0.8, abs=0.04)
    assert up > down


def test_interval_of_the_spread_is_bonetts():
    # written out from Bonett (2006), eqs. 4 and 5, and turned into models
    errors = np.random.default_rng(3).gamma(2, 1, 40)
    z, n = 1.959964, 40
    centre = stats.trim_mean(errors, 1 / (2 * np.sqrt(n - 4)))
    kurtosis = n * np.sum((errors - centre) ** 4) / np.sum((errors - errors.mean()) ** 2) ** 2
    c = n / (n - z)
    reach = z * c * np.sqrt((kurtosis - (n - 3) / n) / (n - 1))
    result = plan(errors, difference=0.1)
    for key, sign in (("n_low", -1), ("n_high", 1)):
        variance = 2 * c * errors.var(ddof=1) * np.exp(sign * reach)
        assert result[key] == math.ceil((z + 0.841621) ** 2 * variance / 0.01 + z**2 / 4)


def test_chance_of_the_right_order_has_an_interval_up_to_a_quarter_of_the_models():
    rng = np.random.default_rng(0)
    frame = right_order(rng.gamma(2, 1, 32), 1 + rng.gamma(2, 1, 40), trials=200)
    assert frame["n"].tolist() == [1, 2, 4, 8, 16, 32]
    for name in ("by_mean", "by_median", "by_min"):
        known = frame[frame["n"] <= 8]
        assert (known[f"{name}_low"] <= known[name]).all()
        assert (known[name] <= known[f"{name}_high"]).all()
        assert frame.loc[frame["n"] > 8, [f"{name}_low", f"{name}_high"]].isna().all().all()


def test_the_right_order_of_large_populations_takes_little_memory():
    rng = np.random.default_rng(0)
    a, b = rng.normal(40, 3, 30_000), rng.normal(40.5, 3, 30_000)
    tracemalloc.start()
    right_order(a, b, [2], trials=100)
    assert tracemalloc.get_traced_memory()[1] < 80e6
    tracemalloc.stop()


def test_populations_that_tie_have_no_right_order():
    row = right_order([1.0, 2, 3, 4] * 4, [1.0, 2, 3, 5] * 4, [2], trials=100).iloc[0]
    assert np.isnan([row["by_median"], row["by_median_low"], row["by_min"]]).all()
    assert row["by_mean_low"] <= row["by_mean"] <= row["by_mean_high"]

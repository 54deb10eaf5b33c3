from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import ks_by_sample_size, mean_difference_interval, plan, right_order
from dsx.errors import DsxError


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
    assert result["n"] == math.ceil((1.959964 + 0.841621) ** 2 * 2 * spread**2 / 0.25)
    assert result["n_low"] < result["n"] < result["n_high"]
    assert result["device_hours"] == pytest.approx(2 * result["n"] * 90 / 3600)
    assert result["words"].startswith("To tell a difference of 0.50 points in mean error with probability 0.8")


def test_planned_number_of_models_has_the_power_it_promises():
    pilot = np.random.default_rng(0).gamma(4, 1, 300)
    n, told = plan(pilot, difference=1.0)["n"], 0
    for repeat in range(500):
        rng = np.random.default_rng([8, repeat])
        a, b = rng.choice(pilot, n), rng.choice(pilot, n) + 1
        told += mean_difference_interval(a, b)[1] < 0
    assert 0.74 <= told / 500 <= 0.87


def test_interval_of_the_planned_number_covers():
    truth, hits = plan(np.random.default_rng(0).gamma(4, 1, 200_000), difference=0.2)["n"], 0
    for repeat in range(800):
        result = plan(np.random.default_rng([2, repeat]).gamma(4, 1, 300), difference=0.2)
        hits += result["n_low"] <= truth <= result["n_high"]
    assert 0.91 <= hits / 800 <= 0.97


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

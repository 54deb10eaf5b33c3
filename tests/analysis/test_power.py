from __future__ import annotations

import numpy as np
import pytest
from error_laws import gamma

from dsx.analysis.power import MOST, plan, power_curve
from dsx.analysis.rank_test import rank_test, smallest_n
from dsx.analysis.sequential import sequential_verdicts
from dsx.analysis.verdict import verdicts
from dsx.base.errors import DsxError

SHIFT = 1.0


def test_power_at_one_look_is_that_of_the_verdicts_by_simulation():
    rng = np.random.default_rng(0)
    pilots = [gamma(rng, 2000), gamma(rng, 2000) + SHIFT]
    curve = power_curve(pilots, [12, 25, 50], looks="one")
    for n, power in zip(curve.n, curve.power, strict=True):
        hits = 0
        for repeat in range(300):
            rng = np.random.default_rng([int(n), repeat])
            hits += verdicts({"a": gamma(rng, n), "b": gamma(rng, n) + SHIFT})[0].decision == "a better"
        assert power == pytest.approx(hits / 300, abs=0.07)


@pytest.mark.slow
def test_power_at_any_look_is_that_of_the_verdicts_by_simulation():
    rng = np.random.default_rng(0)
    pilots = [gamma(rng, 2000), gamma(rng, 2000) + SHIFT]
    curve = power_curve(pilots, [30, 60], comparisons=3)
    looked = []
    for repeat in range(150):
        rng = np.random.default_rng(repeat)
        (verdict,) = sequential_verdicts({"a": gamma(rng, 60), "b": gamma(rng, 60) + SHIFT}, level=1 - 0.05 / 3)
        looked.append(verdict.decided_at or 999)
    for n, power in zip(curve.n, curve.power, strict=True):
        assert power == pytest.approx(np.mean(np.array(looked) <= n), abs=0.1)
    assert np.isnan(curve.low).all()


def test_pilots_without_a_spread_are_refused():
    with pytest.raises(DsxError) as caught:
        plan(np.arange(8.0), np.full(8, 3.5), 1.0)
    assert str(caught.value) == (
        "pilot 2: all 8 errors are 3.5 %: they show no spread, from which the number of models follows; take a pilot of"
        " more models"
    )


@pytest.fixture(scope="module")
def truth():
    """Models of each → power: what the verdicts' own test reaches, not the formula that the plan uses."""
    powers = {}
    for n in (6, 10, 14, 18, 24, 40):
        tests = []
        for repeat in range(300):
            rng = np.random.default_rng([n, repeat])
            tests.append(rank_test(gamma(rng, n), gamma(rng, n) + 1.4))
        powers[n] = np.mean([test.pvalue <= 0.05 and test.superiority > 0.5 for test in tests])
    return powers


@pytest.mark.slow
@pytest.mark.parametrize("pilot", [16, 48])
@pytest.mark.parametrize("difference", [None, 1.4])
def test_promised_power_is_kept_though_the_pilots_err(pilot, difference, truth):
    sizes, reached = list(truth), []
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        planned = plan(gamma(rng, pilot), gamma(rng, pilot) + 1.4, difference, looks="one")
        reached.append(1.0 if planned.n is None else np.interp(planned.n, sizes, list(truth.values())))
    assert 0.8 <= np.mean(reached) <= 0.92


@pytest.mark.slow
def test_any_look_takes_more_models_and_more_comparisons_too():
    rng = np.random.default_rng(0)
    pilots = [gamma(rng, 60), gamma(rng, 60) + 2]
    one, any_look, among_six = (
        plan(*pilots, **options) for options in ({"looks": "one"}, {}, {"looks": "one", "comparisons": 15})
    )
    assert smallest_n(0.05) <= one.n < any_look.n
    assert one.n < among_six.n
    assert one.n_low <= one.n <= one.n_high
    assert one.words == (
        f"Deciding the pilots' difference with probability 0.8, with one look at the end: {one.n} models of each "
        f"(up to {one.n_high})."
    )
    assert any_look.words == (
        f"Deciding the pilots' difference with probability 0.8, with a look at any time: {any_look.n} models of each."
    )
    assert among_six.words.startswith(
        "Deciding the pilots' difference with probability 0.8, with one look at the end, as one of 15 comparisons: "
    )


@pytest.mark.slow
def test_pilots_that_show_nothing_get_no_number():
    rng = np.random.default_rng(0)
    pilots = [gamma(rng, 400), gamma(rng, 400)]
    assert plan(*pilots, looks="one").words == (
        f"Deciding the pilots' difference with probability 0.8 takes more than {MOST} models of each: "
        "give the difference in points that matters."
    )
    given = plan(*pilots, 2.0, looks="one")
    assert given.n is not None
    assert "a difference of 2 points" in given.words


@pytest.mark.parametrize("looks", ["any", "one"])
def test_few_pilots_promise_no_verdict_on_a_difference_that_is_nothing(looks):
    few = [8.9, 15.0, 19.5, 21.0, 34.2, 56.3]
    images = np.round(np.random.default_rng(0).gamma(9, 0.2, 48) * 3.6) / 3.6  # errors of 360 images
    for pilot in (few, images):
        spread = float(np.std(pilot))
        tiny, small, large = (power_curve([pilot], [512], d * spread, looks=looks).power[0] for d in (0.001, 0.2, 0.5))
        assert tiny < 0.1
        assert tiny < small < large


@pytest.mark.slow
@pytest.mark.parametrize("pilot", [6, 16])
def test_one_small_pilot_keeps_what_is_promised_of_a_small_difference(pilot):
    sizes = [20, 40, 60, 90, 130, 180, 250, 350, 500, 700]
    truth = [0.14, 0.20, 0.37, 0.53, 0.67, 0.80, 0.93, 0.97, 0.99, 1.0]  # of `rank_test`, each by 200 pairs of samples
    reached = []
    for repeat in range(20):
        planned = plan(gamma(np.random.default_rng([7, repeat]), pilot), None, 0.35, looks="one")
        reached.append(np.interp(planned.n or MOST, sizes, truth))
    assert np.mean(reached) > 0.65


def test_one_pilot_stands_for_both_and_a_sure_difference_takes_the_smallest_number():
    assert plan([1.0, 1.1, 1.2, 1.3], None, 5.0, looks="one").n == smallest_n(0.05)
    assert plan(gamma(np.random.default_rng(0), 40), None, 1.0, looks="one").n > 10


@pytest.mark.parametrize(
    ("pilots", "options", "message"),
    [
        (
            [[1.0, 2, 3, 4]], {},
            "plan: one pilot shows no difference: give the difference in points that matters, such as 0.5",
        ),
        ([[1.0, 2, 3]], {"difference": 1.0},
         "pilot 1: 3 finished models: a plan needs at least 4 to show the spread of errors"),
        ([[1.0, 2, 3, 4]] * 2, {"difference": 0.0}, "difference = 0.0: expected points above 0, such as 0.5"),
        ([[1.0, 2, 3, 4]] * 2, {"power": 1.0}, "power = 1.0: expected a chance between 0 and 1, such as 0.8"),
        ([[1.0, 2, 3, 4]] * 2, {"comparisons": 0},
         "comparisons = 0: expected an integer ≥ 1, the verdicts decided together"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(pilots, options, message):
    with pytest.raises(DsxError) as refused:
        plan(*pilots, **options)
    assert str(refused.value) == message


def test_a_curve_is_of_one_pilot_or_two():
    with pytest.raises(DsxError, match="plan: 3 pilots: expected one or two"):
        power_curve([[1.0, 2, 3, 4]] * 3, [8])

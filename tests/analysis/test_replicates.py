from __future__ import annotations

import math

import numpy as np
import pytest
from error_laws import LAWS
from scipy import stats
from simulated_lines import share_within, two_schedules

from dsx.analysis.replicates import (
    mean_over_seeds,
    models_confused,
    noise_in_words,
    rank_agreement_interval,
    replicates_in_words,
    seeds_or_models,
    shrunken_errors,
    variances,
)
from dsx.base.errors import DsxError


def trainings(rng, models=30, between=1.0, seeds=0.8, most=3):
    """True errors of models, and errors and models of their trainings: 1 to `most` seeds each."""
    true = 5 + rng.normal(0, between, models)
    counts = rng.integers(1, most + 1, models)
    counts[0] = most
    model = np.repeat(np.arange(models), counts)
    return true, true[model] + rng.normal(0, seeds, model.size), model


def test_variances_of_equally_many_seeds_are_those_of_the_f_test():
    rng = np.random.default_rng(0)
    table = rng.normal(0, 1, (8, 1)) + rng.normal(0, 0.5, (8, 4))
    parts = variances(table.ravel(), np.repeat(np.arange(8), 4))
    assert parts.seeds == pytest.approx(table.var(axis=1, ddof=1).mean())
    assert parts.between == pytest.approx(table.mean(axis=1).var(ddof=1) - parts.seeds / 4)
    assert 1 + 4 * parts.between / parts.seeds == pytest.approx(stats.f_oneway(*table).statistic)
    assert parts.noise_share == pytest.approx(parts.seeds / (parts.seeds + parts.between))
    assert (parts.models, parts.trainings) == (8, 32)


def test_variances_are_unbiased_for_unequal_numbers_of_seeds_and_the_interval_covers():
    found, hits = [], 0
    for repeat in range(400):
        _, errors, model = trainings(np.random.default_rng(repeat), 64)
        parts = variances(errors, model)
        found.append((parts.between, parts.seeds))
        hits += parts.noise_share_low <= 0.64 / 1.64 <= parts.noise_share_high
    assert np.mean(found, axis=0) == pytest.approx((1.0, 0.64), abs=0.06)
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("models", "noise"), [(64, 0.3), (64, 2.0), (500, 1.0)])
def test_the_share_of_noise_is_covered_whatever_the_law(law, models, noise):
    share, hits = noise**2 / (LAWS[law](np.random.default_rng(9), 4_000_000).var() + noise**2), 0
    for repeat in range(300):
        rng = np.random.default_rng([18, repeat])
        model = np.repeat(np.arange(models), rng.integers(1, 4, models))
        errors = LAWS[law](rng, models)[model] + rng.normal(0, noise, model.size)
        parts = variances(errors, model)
        hits += parts.noise_share_low <= share <= parts.noise_share_high
    assert 0.92 <= hits / 300 <= 0.985


def test_the_interval_of_the_share_is_a_jackknife_by_brute_force():
    _, errors, model = trainings(np.random.default_rng(3), 64)
    parts = variances(errors, model)
    typical = (errors.size - np.sum(np.bincount(model) ** 2) / errors.size) / 63
    ratios = []
    for left_out in range(64):
        rest = variances(errors[model != left_out], model[model != left_out])
        ratios.append(math.log(1 + typical * rest.between / rest.seeds))
    influence = np.array(ratios) - np.mean(ratios)
    kurtosis = 64 * np.sum(influence**4) / np.sum(influence**2) ** 2
    reach = stats.t.ppf(0.975, min(63, 2 * 64 / (kurtosis - 1))) * math.sqrt(63 / 64 * np.sum(influence**2))
    ratio = 1 + typical * parts.between / parts.seeds
    assert parts.noise_share_low == pytest.approx(typical / (typical + ratio * math.exp(reach) - 1))
    assert parts.noise_share_high == pytest.approx(typical / (typical + ratio * math.exp(-reach) - 1))
    few = variances(errors[model < 63], model[model < 63])
    assert math.isnan(few.noise_share_low)
    assert few.noise_share == pytest.approx(few.seeds / (few.seeds + few.between))


def test_noise_of_a_finite_validation_set_is_binomial():
    rng = np.random.default_rng(0)
    model = np.repeat(np.arange(400), 2)
    errors = 100 * rng.binomial(360, 0.05, model.size) / 360
    parts = variances(errors, model, validation_images=360)
    assert parts.binomial == pytest.approx(100**2 * 0.05 * 0.95 / 360, rel=0.02)
    assert parts.seeds == pytest.approx(parts.binomial, rel=0.2)
    assert parts.noise_share > 0.7  # the models do not differ at all
    assert np.isnan(variances(errors, model).binomial)


def test_winners_curse_is_told_and_intervals_cover():
    told, true_luck, covered = [], [], []
    for repeat in range(300):
        true, errors, model = trainings(np.random.default_rng(repeat))
        result = shrunken_errors(errors, model)
        told.append(result.luck)
        true_luck.append(true[result.best] - result.observed[result.best])
        covered.append(np.mean((result.low <= true) & (true <= result.high)))
    assert np.mean(true_luck) > 0.4  # the best is too good to be true
    assert np.mean(told) == pytest.approx(np.mean(true_luck), abs=0.08)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_shrinking_is_the_best_linear_prediction():
    errors, model = np.array([4.0, 6, 5, 5.2, 9, 9.4, 7]), ["a", "a", "b", "b", "c", "c", "d"]
    parts, result = variances(errors, model), shrunken_errors(errors, model)
    noise = parts.seeds / np.array([2, 2, 2, 1])
    centre = np.average(result.observed, weights=1 / (parts.between + noise))
    expected = centre + parts.between / (parts.between + noise) * (result.observed - centre)
    assert result.model.tolist() == ["a", "b", "c", "d"]
    assert result.observed == pytest.approx([5, 5.1, 9.2, 7])
    assert result.expected == pytest.approx(expected)


def test_models_that_do_not_differ_are_all_expected_at_the_mean():
    errors = np.tile([1.0, 2.0, 3.0], 4)
    result = shrunken_errors(errors, np.repeat(np.arange(4), 3))
    assert result.expected == pytest.approx(np.full(4, 2.0))
    assert models_confused(variances(errors, np.repeat(np.arange(4), 3)), 3) == 0.5


def test_seeds_that_do_not_differ_leave_nothing_to_luck():
    result = shrunken_errors([1.0, 1.0, 2.0, 2.0], [0, 0, 1, 1])
    assert result.expected.tolist() == [1, 2]
    assert result.luck == 0
    assert variances([1.0, 1.0, 2.0, 2.0], [0, 0, 1, 1]).noise_share == 0


def test_mean_over_the_first_seeds():
    errors, model = [1.0, 5.0, 3.0, 2.0, 8.0], ["a", "b", "a", "a", "b"]
    assert mean_over_seeds(errors, model, 1).tolist() == [1, 5]
    assert mean_over_seeds(errors, model, 2).tolist() == [2, 6.5]
    assert mean_over_seeds(errors, model, 3).tolist() == [2]


def test_wrong_order_of_two_models_by_simulation():
    rng = np.random.default_rng(0)
    _, errors, model = trainings(rng, 60)
    parts = variances(errors, model)
    true = rng.normal(0, parts.between**0.5, (200_000, 2))
    seen = true + rng.normal(0, (parts.seeds / 2) ** 0.5, true.shape)
    wrong = np.mean((true[:, 0] < true[:, 1]) != (seen[:, 0] < seen[:, 1]))
    assert models_confused(parts, 2) == pytest.approx(wrong, abs=0.005)


def test_for_a_space_more_models_pay_before_more_seeds():
    _, errors, model = trainings(np.random.default_rng(0), 60)
    parts = variances(errors, model)
    variance = seeds_or_models(parts, 120)
    assert variance[1] == pytest.approx((parts.between + parts.seeds) / 120)
    assert variance[3] == pytest.approx((parts.between + parts.seeds / 3) / 40)
    assert sorted(variance, key=variance.get) == [1, 2, 3, 4, 5]


def test_words_say_what_was_luck():
    errors, model = np.array([4.0, 6, 5, 5.2, 9, 9.4, 7]), ["a", "a", "b", "b", "c", "c", "d"]
    parts, result = variances(errors, model, 1000), shrunken_errors(errors, model)
    assert replicates_in_words(parts, result) == (
        f"Of the variance of single trainings {100 * parts.noise_share:.0f} % is luck of the seed, "
        f"{100 * parts.binomial / parts.seeds:.0f} % of that the finite validation set's. "
        f"The best model showed 5.00 %; trained anew it is expected at {result.expected[0]:.2f} %. "
        "To compare spaces, more models pay before more seeds; to tell two models apart, three seeds instead of one "
        f"lower the chance of the wrong order from {models_confused(parts, 1):.2f} to {models_confused(parts, 3):.2f}."
    )


def test_words_give_the_interval_of_many_models():
    _, errors, model = trainings(np.random.default_rng(0), 64)
    parts = variances(errors, model)
    low, high = 100 * parts.noise_share_low, 100 * parts.noise_share_high
    assert noise_in_words(parts) == (f"{100 * parts.noise_share:.0f} % ({low:.0f}–{high:.0f} %)", "")


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
@pytest.mark.parametrize("n", [10, 50])
def test_rank_agreement_covers(rho, n):
    truth, hits = 2 / np.pi * np.arcsin(rho), 0
    for repeat in range(300):
        x = np.random.default_rng(repeat).normal(size=(2, n))
        result = rank_agreement_interval(x[0], rho * x[0] + (1 - rho**2) ** 0.5 * x[1])
        hits += np.isnan(result.low) or result.low <= truth <= result.high
    assert hits / 300 >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_what_seeds_and_schedules_tell_holds_whatever_the_law(law):
    held = [share_within(np.random.default_rng([64, repeat]), law, 64, 1.5) for repeat in range(40)]
    assert 0.93 <= np.mean(held) <= 0.97
    truth = stats.kendalltau(*two_schedules(np.random.default_rng(5), law, 20_000)).statistic
    ends = [rank_agreement_interval(*two_schedules(np.random.default_rng([7, r]), law, 64)) for r in range(200)]
    assert np.mean([told.low <= truth <= told.high for told in ends]) >= 0.93 - 0.031  # two standard errors


def test_rank_agreement_is_kendalls_and_mirrors():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 25).astype(float), rng.integers(0, 9, 25).astype(float)
    result, mirrored = rank_agreement_interval(x, y), rank_agreement_interval(x, -y)
    assert result.tau == pytest.approx(stats.kendalltau(x, y).statistic)
    assert (mirrored.low, mirrored.high) == pytest.approx((-result.high, -result.low))
    pairs = [np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i in range(25) for j in range(i)]
    assert result.agree == pytest.approx((1 + np.mean(pairs)) / 2)
    perfect = rank_agreement_interval([1.0, 2, 3], [4.0, 5, 6])
    assert (perfect.tau, perfect.agree) == (1, 1)
    assert np.isnan(perfect.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: variances([1.0, 2.0], [0, 1]),
            "replicates: 2 models, 2 trainings: expected at least 2 models, and one with 2 seeds",
        ),
        (lambda: variances([1.0], [0, 1]), "errors and model: 1 and 2 values: give the model of each training"),
        (lambda: variances([np.nan], [0]), "errors: no training has an error"),
        (lambda: mean_over_seeds([1.0, 2.0], [0, 1], 2), "count = 2: of 2 models the most trained has 1 seeds"),
        (
            lambda: rank_agreement_interval([1.0, 2], [1.0, 2]),
            "x and y: 2 and 2 values: expected one of each per model, at least 3 models",
        ),
        (
            lambda: rank_agreement_interval([1.0, 2, np.nan], [1.0, 2, 3]),
            "x and y: values that are not finite: leave out models that lack one of the two",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(DsxError) as refused:
        call()
    assert str(refused.value) == message

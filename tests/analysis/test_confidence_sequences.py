from __future__ import annotations

import math

import numpy as np
import pytest
from error_laws import LAWS, gamma
from scipy import stats

from dsx.analysis.confidence_sequences import (
    asymptotic_mean_sequence,
    count_bounds,
    edf_sequence_half_width,
    mean_sequence,
    quantile_sequence,
)
from dsx.base.errors import DsxError

LOOKS = [*range(8, 100, 8), *range(100, 501, 50)]
ALLOWED = 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5
TRUTHS = {name: np.sort(law(np.random.default_rng(99), 400_000)) for name, law in LAWS.items()}


def missed(law, sequence, truth):
    """Share of 200 studies in which the interval misses the truth at some look."""
    count = 0
    for repeat in range(200):
        result = sequence(LAWS[law](np.random.default_rng(repeat), 500))
        count += bool(((result.low > truth) | (result.high < truth)).any())
    return count / 200


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("q", [0.1, 0.5])
def test_quantile_is_held_at_all_looks(law, q):
    truth = np.quantile(TRUTHS[law], q, method="inverted_cdf")
    assert missed(law, lambda errors: quantile_sequence(errors, q, LOOKS), truth) <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_mean_is_held_at_all_looks(law):
    truth = TRUTHS[law].mean()
    assert missed(law, lambda errors: mean_sequence(errors, 90.0, [64, 200, 500]), truth) <= ALLOWED


@pytest.mark.parametrize("law", LAWS)
def test_asymptotic_mean_is_held_at_all_looks_from_128_models_on(law):
    truth = np.mean(LAWS[law](np.random.default_rng(98), 4_000_000))
    assert missed(law, lambda errors: asymptotic_mean_sequence(errors, LOOKS), truth) <= ALLOWED


def test_asymptotic_mean_says_nothing_of_few_models_where_it_would_miss():
    truth, looks = TRUTHS["diverged"].mean(), [8, 64, 127, 128, 500]
    sequence = asymptotic_mean_sequence(LAWS["diverged"](np.random.default_rng(0), 500), looks)
    assert np.isnan(sequence.low).tolist() == np.isnan(sequence.high).tolist() == [True, True, True, False, False]
    assert missed("diverged", lambda errors: asymptotic_mean_sequence(errors, LOOKS, first=8), truth) > 0.2


def test_a_fixed_interval_would_miss_at_some_look_far_more_often():
    count = 0
    for repeat in range(200):
        errors = np.random.default_rng(repeat).normal(0, 1, 500)
        n = np.arange(8, 501, 8)
        count += bool((abs(np.cumsum(errors)[n - 1] / n) > 1.96 / np.sqrt(n)).any())
    assert count / 200 > 0.2


def test_bounds_of_counts_are_those_of_a_fair_game():
    """The wealth behind them, weighted by the chance of each count, is 1 whatever n; so Ville's inequality holds."""
    from dsx.analysis.confidence_sequences import _log_mixture

    for n, q in ((7, 0.3), (40, 0.5)):
        wealth = np.exp([_log_mixture(count, n, q) for count in range(n + 1)])
        assert wealth @ stats.binom.pmf(np.arange(n + 1), n, q) == pytest.approx(1)
        fewest, most = count_bounds(n, q, 0.05)
        assert np.flatnonzero(wealth < 20).tolist() == list(range(fewest, most + 1))


def test_band_of_the_curve_holds_at_all_looks_and_is_wider_than_at_one():
    widths = dict(zip(LOOKS, edf_sequence_half_width(LOOKS), strict=True))
    count = 0
    for repeat in range(200):
        errors = np.random.default_rng(repeat).random(500)
        for n in LOOKS:
            curve, steps = np.sort(errors[:n]), np.arange(n + 1) / n
            if max((steps[1:] - curve).max(), (curve - steps[:-1]).max()) > widths[n]:
                count += 1
                break
    assert count / 200 <= ALLOWED
    for n in (8, 64, 500):
        fixed = math.sqrt(math.log(40) / (2 * n))
        assert fixed < widths[n] < 1.9 * fixed
        published = 0.85 * math.sqrt((math.log(math.log(math.e * n)) + 0.8 * math.log(1612 / 0.05)) / n)
        assert widths[n] < published
    assert np.isnan(edf_sequence_half_width(7)[0])


def test_lower_end_of_the_mean_by_a_grid_of_bettors():
    values = gamma(np.random.default_rng(0), 60) / 20
    low = mean_sequence(values, 1.0, [60]).low[0]
    from dsx.analysis.betting import SPLIT, STAKES

    stakes, split = np.array([*STAKES, 0.99]), np.array([*SPLIT[:-1], SPLIT[-1] / 2, SPLIT[-1] / 2])
    for mean, rich in ((low - 1e-3, True), (low + 1e-3, False)):
        wealth = split @ np.cumprod(1 + stakes[:, None] * (values / mean - 1), axis=1)
        assert (wealth.max() >= 40) == rich


def test_mean_is_held_by_the_bounds_and_mirrors():
    values = gamma(np.random.default_rng(0), 40)
    one, other = mean_sequence(values, 50.0, [40]), mean_sequence(50 - values, 50.0, [40])
    assert 0 <= one.low[0] <= one.estimate[0] <= one.high[0] <= 50
    assert other.low[0] == pytest.approx(50 - one.high[0])
    assert one.method == "exact"


def test_few_models_have_no_ends():
    sequence = quantile_sequence([3.0, 1.0, 2.0])
    assert sequence.n.tolist() == [1, 2, 3]
    assert sequence.estimate.tolist() == [3, 2, 2]
    assert np.isnan(sequence.low).all()
    assert np.isnan(sequence.high).all()


def test_all_equal_errors_are_their_own_quantile():
    sequence = quantile_sequence([4.0] * 60, looks=[60])
    assert (sequence.low[0], sequence.high[0]) == (4, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantile_sequence([1.0], 1.0), "q = 1.0: a quantile lies strictly between 0 and 1"),
        (lambda: quantile_sequence([1.0], looks=[2]), "looks = [2]: expected numbers of models from 1 to 1"),
        (
            lambda: mean_sequence([1.0, 101.0]),
            "errors from 1 to 101: expected them from 0 to highest = 100",
        ),
        (
            lambda: edf_sequence_half_width([9], first=0),
            "first = 0: expected an integer ≥ 1, the models at the first look",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(DsxError) as refused:
        call()
    assert str(refused.value) == message

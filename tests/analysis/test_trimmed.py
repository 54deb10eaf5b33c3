from __future__ import annotations

import numpy as np
import pytest
from error_laws import LAWS
from scipy import stats

from dsx.analysis.trimmed import trimmed_mean, trimmed_mean_difference
from dsx.base.errors import DsxError


@pytest.mark.parametrize(("n_a", "n_b", "share"), [(16, 30, 0.2), (5, 7, 0.2), (40, 40, 0.0), (50, 33, 0.1)])
def test_difference_and_interval_are_those_of_yuens_test(n_a, n_b, share):
    rng = np.random.default_rng(0)
    a, b = rng.gamma(2, 1, n_a), rng.gamma(3, 1, n_b)
    difference, low, high = trimmed_mean_difference(a, b, share, 0.9)
    oracle = stats.ttest_ind(a, b, equal_var=False, trim=share)
    assert difference == pytest.approx(stats.trim_mean(a, share) - stats.trim_mean(b, share))
    # the interval ends where the test just rejects: difference ± t · difference / statistic
    reach = stats.t.ppf(0.95, oracle.df) * difference / oracle.statistic
    assert (low, high) == pytest.approx((difference - abs(reach), difference + abs(reach)))


def test_a_few_diverged_models_do_not_move_it():
    errors = np.arange(10.0)
    assert trimmed_mean(errors) == trimmed_mean(np.append(errors[:-1], 90.0)) == 4.5


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [16, 60, 500])
def test_it_covers_on_every_law(law, n):
    whole = np.sort(LAWS[law](np.random.default_rng(99), 1_000_000))
    truth = 0.0  # both from one law: unequal numbers, equal trimmed means
    hits = 0
    for repeat in range(1000):
        rng = np.random.default_rng([7, repeat])
        low, high = trimmed_mean_difference(rng.choice(whole, n), rng.choice(whole, 2 * n))[1:]
        hits += low <= truth <= high
    assert 0.93 <= hits / 1000 <= (0.97 if n > 16 else 0.98), hits


def test_too_few_and_constant_errors_have_no_interval():
    for a, b in (([3.0], [1.0, 2.0]), ([3.0] * 9, [3.0] * 9)):
        assert np.isnan(trimmed_mean_difference(a, b)[1:]).all()


def test_a_share_that_leaves_nothing_is_refused():
    with pytest.raises(DsxError) as refusal:
        trimmed_mean([1.0], 0.5)
    assert str(refusal.value) == ("share = 0.5: expected what to leave out at either end, at least 0 and below 0.5")

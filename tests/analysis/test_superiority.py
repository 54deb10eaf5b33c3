from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dsx.analysis import superiority

samples = st.lists(st.integers(0, 12).map(float), min_size=2, max_size=25)


@pytest.mark.slow
@given(samples, samples)
def test_superiority_is_mann_whitney_by_brute_force_and_mirrors(a, b):
    chance, low, high = superiority(a, b)
    pairs = [(x < y) + 0.5 * (x == y) for x in a for y in b]
    assert chance == pytest.approx(np.mean(pairs))
    assert chance == pytest.approx(1 - stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)))
    assert 0 <= low <= chance + 1e-9
    assert chance - 1e-9 <= high <= 1
    assert superiority(b, a) == pytest.approx((1 - chance, 1 - high, 1 - low), abs=1e-6)


def test_variance_is_brunner_and_munzels():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 30), rng.normal(0.4, 2, 40)
    chance, low, high = superiority(a, b)
    oracle = stats.brunnermunzel(a, b, alternative="two-sided")
    level = 1 - oracle.pvalue  # of the interval that just reaches ½ on the plain scale; the logit's is close to it
    _, low, high = superiority(a, b, level)
    assert min(abs(low - 0.5), abs(high - 0.5)) < 0.02
    assert low <= chance <= high


def test_wholly_apart_populations_keep_an_interval_of_some_width():
    chance, low, high = superiority([1.0, 2, 3], [7.0, 8, 9])
    assert chance == 1
    assert 0.4 < low < 0.9
    assert high == 1


def test_all_equal_is_a_coin_toss():
    chance, low, high = superiority([5.0] * 10, [5.0] * 10)
    assert chance == 0.5
    assert low < 0.5 < high


def test_one_model_has_no_interval():
    assert np.isnan(superiority([1.0], [1.0, 2.0])[1:]).all()

"""Ordered draws against exact enumeration, and against rejection."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dsx.spaces.orders import ORDERS, OrderRule, in_order, order_count, order_probability, sample_ordered

KEEPS = {
    "non_decreasing": lambda s: all(a <= b for a, b in itertools.pairwise(s)),
    "increasing": lambda s: all(a < b for a, b in itertools.pairwise(s)),
    "non_increasing": lambda s: all(a >= b for a, b in itertools.pairwise(s)),
    "decreasing": lambda s: all(a > b for a, b in itertools.pairwise(s)),
    "equal": lambda s: len(set(s)) == 1,
}
MASSES = np.array([0.4, 0.25, 0.2, 0.1, 0.05])


def exact_law(masses, order, length):
    """Sequence → probability given the order, by trying all sequences."""
    law = {
        sequence: float(np.prod(masses[list(sequence)]))
        for sequence in itertools.product(range(len(masses)), repeat=length)
        if KEEPS[order](sequence)
    }
    total = sum(law.values())
    return {sequence: mass / total for sequence, mass in law.items()}, total, len(law)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("length", [1, 2, 4])
def test_ordered_draws_have_the_exact_conditional_law(order, length):
    law, total, count = exact_law(MASSES, order, length)
    assert order_probability(MASSES, order, length) == pytest.approx(1.0 if length == 1 else total)
    assert order_count(len(MASSES), order, length) == count
    drawn = sample_ordered(MASSES, order, np.random.default_rng(length).random((40_000, length)))
    assert in_order(drawn, order).all()
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    observed = dict(zip(map(tuple, found.tolist()), counts.tolist(), strict=True))
    assert set(observed) <= set(law)
    likely = [s for s in law if law[s] * 40_000 >= 5]
    rare = 40_000 - sum(observed.get(s, 0) for s in likely)
    expected = [law[s] * 40_000 for s in likely]
    seen = [observed.get(s, 0) for s in likely]
    if 40_000 - sum(expected) > 1e-6:
        expected, seen = [*expected, 40_000 - sum(expected)], [*seen, rare]
    if len(expected) > 1:
        assert stats.chisquare(seen, expected).pvalue > 0.001


@pytest.mark.parametrize("order", ["non_decreasing", "increasing", "non_increasing"])
def test_ordered_draws_agree_with_rejection(order):
    masses = np.diff(np.log(np.arange(1, 18)))
    masses /= masses.sum()
    rng = np.random.default_rng(1)
    independent = rng.choice(16, size=(600_000, 4), p=masses)
    kept = independent[in_order(independent, order)]
    drawn = sample_ordered(masses, order, rng.random((len(kept), 4)))
    for stage in range(4):
        table = np.stack([np.bincount(x[:, stage], minlength=16) for x in (kept, drawn)])
        assert stats.chi2_contingency(table[:, table.sum(axis=0) >= 10]).pvalue > 0.001


def test_sorting_would_have_been_wrong():
    law, _, _ = exact_law(MASSES, "non_decreasing", 3)
    rng = np.random.default_rng(0)
    sorted_draws = np.sort(rng.choice(5, size=(40_000, 3), p=MASSES), axis=1)
    share = (sorted_draws == 0).all(axis=1).mean()
    assert abs(share - law[0, 0, 0]) > 0.05


@settings(max_examples=100, deadline=None)
@given(
    masses=st.lists(st.floats(1e-6, 1), min_size=1, max_size=12),
    length=st.integers(1, 6),
    order=st.sampled_from(ORDERS),
    seed=st.integers(0, 100),
)
def test_draws_keep_the_order_for_any_masses(masses, length, order, seed):
    p = np.array(masses) / sum(masses)
    if order_probability(p, order, length) > 0:
        u = np.random.default_rng(seed).random((50, length))
        u[0], u[1] = 0.0, 1 - 2.0**-53
        drawn = sample_ordered(p, order, u)
        assert in_order(drawn, order).all()
        assert (drawn >= 0).all()
        assert (drawn < len(p)).all()


def test_except_last_binds_one_stage_less():
    assert OrderRule(order="non_decreasing", except_last=True).length(4) == 3
    assert OrderRule(order="non_decreasing").length(4) == 4

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsx.analysis.matching import TOLERANCE, matched_pairs
from dsx.analysis.rank_test import rank_test
from dsx.analysis.sequential import sequential_evidence

complexities = st.lists(st.integers(100, 130), max_size=25).map(lambda values: np.array(values, dtype=float))


@given(complexities, complexities)
def test_pairs_are_of_like_size_and_each_model_is_in_one(a, b):
    pairs = matched_pairs(a, b)
    assert len(set(pairs.a)) == len(set(pairs.b)) == pairs.a.size
    ratio = a[pairs.a] / b[pairs.b]
    assert np.maximum(ratio, 1 / ratio).max(initial=1) <= 1 + TOLERANCE + 1e-9
    assert (pairs.look == np.maximum(pairs.a, pairs.b) + 1).all()
    assert (np.diff(pairs.look) >= 0).all()


@pytest.mark.slow
@given(complexities, complexities)
def test_none_that_are_left_could_be_paired(a, b):
    pairs = matched_pairs(a, b)
    left_a, left_b = np.delete(a, pairs.a), np.delete(b, pairs.b)
    ratio = left_a[:, None] / left_b[None, :]
    assert (np.maximum(ratio, 1 / ratio) > 1 + TOLERANCE - 1e-9).all()


@given(complexities, complexities, st.integers(0, 25))
def test_the_pairs_of_a_part_are_the_first_pairs_of_the_whole(a, b, n):
    part, whole = matched_pairs(a[:n], b[:n]), matched_pairs(a, b)
    begun = whole.look <= min(n, max(a.size, b.size))
    assert set(zip(part.a, part.b, strict=True)) == set(zip(whole.a[begun], whole.b[begun], strict=True))


@given(st.lists(st.floats(100, 130), max_size=25, unique=True), st.lists(st.floats(100, 130), max_size=25, unique=True))
def test_exchanging_the_populations_mirrors_the_pairs(a, b):
    one, other = matched_pairs(np.array(a), np.array(b)), matched_pairs(np.array(b), np.array(a))
    assert set(zip(one.a, one.b, strict=True)) == set(zip(other.b, other.a, strict=True))


def test_a_worked_example():
    pairs = matched_pairs(np.array([100.0, 200.0, 101.0, np.nan]), np.array([150.0, 99.0, 201.0, 100.0]))
    # look 2: 200 and 99: 99 takes 100, which waits; look 3: 101 finds nothing, 201 takes 200; look 4: 100 takes 101
    assert list(zip(pairs.a, pairs.b, pairs.look, strict=True)) == [(0, 1, 2), (1, 2, 3), (2, 3, 4)]


def test_unknown_sizes_and_empty_populations_have_no_pairs():
    for a, b in (([], [1.0]), ([np.nan] * 3, [1.0] * 3), ([0.0, -1.0], [1.0, 2.0])):
        assert matched_pairs(np.array(a), np.array(b)).a.size == 0


@pytest.mark.slow
@pytest.mark.parametrize("at_any_look", [False, True])
def test_spaces_that_differ_in_size_alone_are_seldom_told_apart_at_equal_size(at_any_look):
    wrong = as_they_are = 0
    for repeat in range(300):
        rng = np.random.default_rng(repeat)
        size_a, size_b = 100 + 20 * rng.beta(2, 1, 60), 100 + 20 * rng.beta(1, 2, 60)
        error_a, error_b = 10 - 0.1 * size_a + rng.gamma(2, 1, 60), 10 - 0.1 * size_b + rng.gamma(2, 1, 60)
        pairs = matched_pairs(size_a, size_b)
        matched = error_a[pairs.a], error_b[pairs.b]
        wrong += (sequential_evidence(*matched).pvalue[-1] if at_any_look else rank_test(*matched).pvalue) <= 0.05
        as_they_are += rank_test(error_a, error_b).pvalue <= 0.05
    assert wrong / 300 <= 0.05 + 2.5 * (0.05 * 0.95 / 300) ** 0.5
    assert as_they_are / 300 >= 0.3  # the errors as they are show the difference in size

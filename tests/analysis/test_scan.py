"""Cuts are where brute force puts them."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.analysis.scan import best_cut, bin_edges, bin_sums, bins, scan, window_scan


def brute_force(codes: np.ndarray, scores: np.ndarray, count: int, end: str, least: int, limited: bool):
    """(z, first, last) of the best cut, by trying all."""
    best = (-np.inf, 0, count - 1)
    for cut in range(1, count):
        for limit in range(cut, count) if limited else [count - 1]:
            if end == "low":
                out, inside = codes < cut, (codes >= cut) & (codes <= limit)
                place = (cut, limit)
            else:
                out, inside = codes > count - 1 - cut, (codes <= count - 1 - cut) & (codes >= count - 1 - limit)
                place = (count - 1 - limit, count - 1 - cut)
            if out.sum() >= least and inside.sum() >= least:
                z = (scores[out].mean() - scores[inside].mean()) / np.sqrt(1 / out.sum() + 1 / inside.sum())
                if z > best[0] + 1e-12:
                    best = (z, *place)
    return best


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("limited", [True, False])
def test_the_best_cut_is_that_of_trying_all(end, limited) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        codes, scores = rng.integers(0, 6, 40), rng.normal(size=40)
        models, sums = bin_sums(codes, scores, 6)
        z, first, last = brute_force(codes, scores, 6, end, 4, limited)
        cut = best_cut(models[0], sums[0], end, 4, limited)
        assert (cut.first, cut.last) == (first, last)
        assert cut.z == pytest.approx(z)
        assert scan(models, sums, end, 4, limited)[0] == pytest.approx(z)


def test_the_best_window_is_that_of_trying_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        codes, scores = rng.integers(-1, 6, 40), rng.normal(size=40)
        best = -np.inf
        for first in range(6):
            for last in range(first, 6):
                inside = (codes >= first) & (codes <= last)
                outside = (codes >= 0) & ~inside
                if min(inside.sum(), outside.sum()) >= 4:
                    z = scores[outside].mean() - scores[inside].mean()
                    best = max(best, z / np.sqrt(1 / inside.sum() + 1 / outside.sum()))
        assert window_scan(*bin_sums(codes, scores, 6), 4)[0] == pytest.approx(best)
    assert window_scan(*bin_sums(codes, scores, 6), 30)[0] == -np.inf


def test_a_window_in_the_middle_is_cut_at_both_ends() -> None:
    codes = np.repeat(np.arange(6), 10)
    scores = np.where((codes == 2) | (codes == 3), -1.0, 1.0)
    models, sums = bin_sums(codes, scores, 6)
    low, high = (best_cut(models[0], sums[0], end, 4) for end in ("low", "high"))
    assert (low.first, low.last) == (2, 3)
    assert (high.first, high.last) == (2, 3)


def test_no_cut_where_too_few_models_are_on_a_side() -> None:
    models, sums = bin_sums(np.array([0, 1, 1, 1, 1, 1]), np.arange(6.0), 2)
    assert best_cut(models[0], sums[0], "low", 2).z == -np.inf
    assert scan(models, sums, "low", 2)[0] == -np.inf
    models, sums = bin_sums(np.zeros(6, dtype=int), np.arange(6.0), 1)
    assert scan(models, sums, "low", 1)[0] == -np.inf


def test_few_values_have_a_bin_each_and_many_about_equal_shares() -> None:
    few = bin_edges(np.array([1.0, 2, 2, 4, np.nan]))
    assert few.tolist() == [2.0, 4.0]
    assert bins(np.array([1.0, 2, 3, 4, np.nan]), few).tolist() == [0, 1, 1, 2, -1]
    reference = np.random.default_rng(0).lognormal(size=6000)
    counts = np.bincount(bins(reference, bin_edges(reference)))
    assert counts.size == 16
    assert (np.abs(counts - 375) <= 2).all()


def test_values_that_are_missing_are_in_no_sum() -> None:
    models, sums = bin_sums(np.array([[0, 1, -1], [1, 1, 0]]), np.array([1.0, 2.0, 4.0]), 2)
    assert models.tolist() == [[1, 1], [1, 2]]
    assert sums.tolist() == [[1, 2], [4, 3]]

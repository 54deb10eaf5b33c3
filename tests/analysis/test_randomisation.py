"""Randomisation keeps its level, and a quantity drawn anew given another one keeps that one's value."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, rankdata

from dsx.analysis.randomisation import NEIGHBOURS, corrected, matched_rows, randomised, rank_scores, without


def test_diverged_models_are_the_last_ranks_and_no_more() -> None:
    assert np.array_equal(rank_scores(np.array([2.0, 3.0, 90.0])), rank_scores(np.array([2.0, 3.0, 4.0])))
    scores = rank_scores(np.array([1.0, 1.0, 5.0, 7.0]))
    assert scores.mean() == pytest.approx(0)
    assert scores.std(ddof=1) == pytest.approx(1)
    assert rank_scores(np.ones(4)).tolist() == [0, 0, 0, 0]


def test_the_first_order_is_the_scores_own_and_all_are_permutations() -> None:
    scores = np.arange(5.0)
    orders = randomised(scores, 20, [0])
    assert np.array_equal(orders[0], scores)
    assert (np.sort(orders, axis=1) == scores).all()


def test_corrected_pvalues_hold_the_level_over_all_looks_together() -> None:
    smallest = []
    for seed in range(400):
        statistics = np.abs(np.random.default_rng(seed).normal(size=(200, 8)))
        smallest.append(corrected(statistics).min())
    assert kstest(smallest, "uniform").pvalue > 0.01


def test_a_correction_for_one_look_is_the_plain_pvalue() -> None:
    statistics = np.array([[3.0], [1.0], [4.0], [3.0]])
    assert corrected(statistics).tolist() == [0.75]


def test_rows_are_of_equal_value_where_there_are_enough() -> None:
    reference = np.repeat([1.0, 2.0, np.nan], 200)
    given = np.array([2.0, 1.0, np.nan])
    rows = matched_rows(given, reference, 500, [0])
    for model, value in enumerate(given):
        picked = reference[rows[:, model][rows[:, model] >= 0]]
        assert np.isnan(picked).all() if np.isnan(value) else (picked == value).all()
    # the model itself is one of 201
    assert 0 < (rows == -1).mean() < 0.02


def test_rows_of_a_rare_value_are_the_nearest() -> None:
    reference = np.arange(1000.0)
    rows = matched_rows(np.array([500.2, 0.0, 2000.0]), reference, 2000, [0])
    for model, ends in enumerate(
        [(500 - NEIGHBOURS / 2, 500 + NEIGHBOURS / 2), (0, NEIGHBOURS), (1000 - NEIGHBOURS, 1000)]
    ):
        picked = rows[:, model][rows[:, model] >= 0]
        assert ends[0] - 1 <= picked.min() <= picked.max() <= ends[1] + 1
        assert np.unique(picked).size == NEIGHBOURS


def test_a_curve_over_the_other_quantity_is_taken_out() -> None:
    other = np.random.default_rng(0).normal(size=50)
    place = rankdata(other) / 50 - 0.5
    assert without(3 + 2 * place - 5 * place**2, other) == pytest.approx(np.zeros(50), abs=1e-9)

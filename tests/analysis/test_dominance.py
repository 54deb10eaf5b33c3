from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import dominance, dominance_in_words, edf, edf_difference


def test_difference_is_that_of_the_two_curves():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 20, 30) / 2.0, rng.integers(0, 20, 50) / 2.0
    found = edf_difference(a, b)
    above = np.nextafter(found.error, np.inf)
    assert found.difference == pytest.approx(edf(a)(above) - edf(b)(above))
    assert np.abs(found.difference).max() == pytest.approx(stats.ks_2samp(a, b).statistic)
    assert (found.lower <= found.difference).all()
    assert (found.difference <= found.upper).all()


def test_dominance_is_two_one_sided_ks_tests():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 80), rng.normal(0.8, 1, 70)
    result = dominance(a, b)
    for key, side in (("a_ahead", "greater"), ("b_ahead", "less")):
        oracle = stats.ks_2samp(a, b, side)
        assert (result[key], result[f"{key}_pvalue"]) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert result["verdict"] == "a"
    assert dominance(b, a)["verdict"] == "b"
    assert dominance_in_words(result, "A", "B") == (
        "A is ahead of B somewhere, and B could not be shown to be ahead anywhere."
    )


@pytest.mark.slow
def test_equal_populations_are_seldom_said_to_be_ahead_either_way():
    ahead = [dominance(*np.random.default_rng(repeat).random((2, 40)))["verdict"] != "unclear" for repeat in range(400)]
    assert np.mean(ahead) <= 0.05 + 2.5 * (0.05 * 0.95 / 400) ** 0.5


def test_crossing_curves_dominate_neither():
    rng = np.random.default_rng(0)
    result = dominance(rng.normal(0, 1, 300), rng.normal(0, 4, 300))
    assert result["verdict"] == "neither"
    assert dominance_in_words(result, "A", "B") == (
        "Neither is better at every error: A and B are each ahead somewhere."
    )


def test_equal_populations_are_unclear():
    result = dominance([1.0, 2, 3], [1.0, 2, 3])
    assert result["verdict"] == "unclear"
    assert "Neither A nor B" in dominance_in_words(result, "A", "B")

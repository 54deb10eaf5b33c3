"""Two populations, and how soon a search finds a good model."""

from __future__ import annotations

import numpy as np
import pytest

from dsx import plots
from dsx.analysis import edf_difference
from dsx.base.errors import DsxError
from dsx.plots.compare import draw_edf_difference


def test_a_search_curve_without_a_band_does_not_claim_one(text_of):
    assert "too few models for an interval" in text_of(plots.random_search({"A": [3.0]}))
    assert "shaded: 95 % interval" in text_of(plots.random_search({"A": np.arange(40.0)}))
    weighted = plots.random_search({"A": [1.0, 2.0, 3.0]}, weights={"A": np.ones(3)})
    assert "too few models for an interval" in text_of(weighted)


def test_a_search_curve_goes_to_all_models_without_replacement():
    line, low, high = plots.random_search({"A": np.arange(24.0)}).get_lines()
    assert line.get_xdata()[-1] == 24
    assert line.get_ydata()[-1] == 0
    # ± 2σ of one model: the spread of all
    assert high.get_ydata()[0] == pytest.approx(11.5 + 2 * np.arange(24.0).std())
    assert low.get_ydata()[0] == 0


def test_of_more_than_three_search_curves_none_has_a_band(text_of):
    ax = plots.random_search({name: np.arange(40.0) for name in "ABCD"})
    assert not ax.collections
    assert "shaded" not in text_of(ax)
    assert "σ" not in text_of(ax)


def test_only_those_are_called_ahead_that_may_be(text_of):
    rng = np.random.default_rng(0)
    errors = {"A": rng.normal(40, 2, 100), "B": rng.normal(36, 2, 100)}
    difference = edf_difference(*errors.values())
    assert "is ahead" not in text_of(draw_edf_difference(difference, errors, [], None, {"A"}))
    assert "B is ahead" in text_of(draw_edf_difference(difference, errors, [], None, {"B"}))


def test_difference_names_who_is_ahead_and_wants_two_studies(text_of):
    rng = np.random.default_rng(0)
    told = text_of(plots.edf_difference({"A": rng.normal(40, 2, 100), "B": rng.normal(36, 2, 100)}))
    assert "B is ahead" in told
    assert "A is ahead" not in told
    with pytest.raises(DsxError, match="a difference of EDFs is drawn of two studies; 1 given"):
        plots.edf_difference({"A": [1.0]})

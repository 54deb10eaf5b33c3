"""Two populations, and how soon a search finds a good model."""

from __future__ import annotations

import numpy as np
import pytest

from dsx import plots
from dsx.base.errors import DsxError


def test_a_search_curve_without_a_band_does_not_claim_one(text_of):
    assert "too few models for an interval" in text_of(plots.random_search({"A": [1.0, 2.0, 3.0]}))
    assert "shaded: 95 % interval" in text_of(plots.random_search({"A": np.arange(40.0)}))


def test_difference_names_who_is_ahead_and_wants_two_studies(text_of):
    rng = np.random.default_rng(0)
    told = text_of(plots.edf_difference({"A": rng.normal(40, 2, 100), "B": rng.normal(36, 2, 100)}))
    assert "B is ahead" in told
    assert "A is ahead" not in told
    with pytest.raises(DsxError, match="a difference of EDFs is drawn of two studies; 1 given"):
        plots.edf_difference({"A": [1.0]})

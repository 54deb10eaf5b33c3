"""Rank correlation of every parameter with the error."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr

from dsx.exhibits.correlation import EXHIBIT


def test_correlations_are_spearmans(computed, inquiry):
    table = computed(EXHIBIT)[0].main
    row = table[(table["study"] == "A") & (table["parameter"] == "depth_3")].iloc[0]
    models = inquiry.models["A"]
    assert row["correlation"] == pytest.approx(spearmanr(models["depth_3"], models["error"]).statistic)
    assert row["n"] == 24

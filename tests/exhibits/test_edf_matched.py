"""Error distribution functions at equal complexity."""

from __future__ import annotations

import numpy as np
import pytest
from report.conftest import made_up

from dsx import analysis
from dsx.exhibits.edf_matched import EXHIBIT
from dsx.exhibits.exhibit import Inquiry


def test_the_curves_are_weighted_to_equal_complexity(computed, inquiry):
    shown = {each.path: each for each in computed(EXHIBIT)}
    assert "edf_equal_flops" in shown
    weights = analysis.matched_weights(inquiry.models, "flops")
    curve = shown["edf_equal_flops"].values["curves"]["A"]
    errors = inquiry.models["A"]["error"].to_numpy()
    assert curve.mean == pytest.approx(np.average(errors, weights=weights["A"]))
    assert curve.n == (weights["A"] > 0).sum()


def test_one_study_and_studies_that_do_not_meet_have_none():
    assert list(EXHIBIT.compute(Inquiry([made_up("A")]))) == []
    apart = [made_up("A", flops=1e6, params=1.0, acts=1.0), made_up("E", flops=2e6, params=2.0, acts=2.0)]
    assert list(EXHIBIT.compute(Inquiry(apart))) == []

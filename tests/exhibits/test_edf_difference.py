"""Where one study is ahead of another."""

from __future__ import annotations

import numpy as np
from report.conftest import made_up

from dsx.exhibits.edf_difference import EXHIBIT
from dsx.exhibits.exhibit import Inquiry


def test_the_difference_is_that_of_the_shares_at_or_below(computed, inquiry):
    (each,) = computed(EXHIBIT)
    a, e = (inquiry.models[name]["error"].to_numpy() for name in "AE")
    shares = [(a <= x).mean() - (e <= x).mean() for x in each.main["error"]]
    np.testing.assert_allclose(each.main["difference"], shares)
    assert each.path == "edf_difference_A_E"


def test_of_many_studies_no_pair_gets_a_figure(inquiry):
    many = Inquiry([made_up(name, n=4) for name in "ABCDE"])
    assert list(EXHIBIT.compute(many)) == []

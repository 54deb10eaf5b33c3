"""The figure that compares populations."""

from __future__ import annotations

import numpy as np

from dsx.exhibits.edf import EXHIBIT


def test_the_table_is_the_curve_that_is_drawn(computed, inquiry):
    (each,) = computed(EXHIBIT)
    rows = each.main[each.main["study"] == "A"]
    errors = np.sort(inquiry.models["A"]["error"].to_numpy())
    np.testing.assert_array_equal(rows["error"], errors)
    np.testing.assert_allclose(rows["probability"], [(errors < e).mean() for e in errors])
    assert EXHIBIT.draw(each, None).get_xlabel() == "top-1 error e (%)"


def test_the_report_says_what_is_to_be_seen(computed):
    assert EXHIBIT.caption(computed(EXHIBIT)[0]).alternative == "error distribution functions of A, E"

"""One space at several scales."""

from __future__ import annotations

from report.conftest import made_up

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.trends import EXHIBIT


def test_two_spaces_are_no_scales_of_one(computed):
    assert computed(EXHIBIT) == []


def test_of_one_space_trained_for_longer_the_best_ranges_are_followed():
    scales = Inquiry([made_up("short", epochs=8), made_up("long", n=32, epochs=16)])
    (each,) = EXHIBIT.compute(scales)
    assert each.values["regime"] == "epochs"
    assert set(each.main["regime"]) == {8.0, 16.0}
    assert "slope" in each.tables["_fits"].columns
    assert EXHIBIT.section([each], scales).heading == "Trends"

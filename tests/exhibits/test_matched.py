"""Comparisons at equal complexity."""

from __future__ import annotations

from dsx.exhibits.exhibit import Computed
from dsx.exhibits.matched import EXHIBIT


def test_there_is_a_row_for_every_pair_and_complexity(computed):
    table = computed(EXHIBIT)[0].main
    assert table["by"].tolist() == ["flops", "params", "acts"]


def test_the_report_shows_only_what_could_be_matched_at_equal_flops(computed, inquiry):
    (each,) = computed(EXHIBIT)
    unknown = Computed(each.path, {"": each.main.assign(mean_difference=float("nan"))})
    assert EXHIBIT.section([unknown], inquiry).sentences == ()
    known = Computed(each.path, {"": each.main.assign(mean_difference=0.5)})
    assert EXHIBIT.section([known], inquiry).sentences == (each.main["words"].iloc[0],)

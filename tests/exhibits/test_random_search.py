"""How soon a search finds a good model."""

from __future__ import annotations

import pytest

from dsx import analysis
from dsx.exhibits.random_search import EXHIBIT


def test_the_table_holds_the_expected_minimum(computed, inquiry):
    (each,) = computed(EXHIBIT)
    rows = each.main[each.main["study"] == "A"]
    expected = analysis.expected_minimum(inquiry.models["A"]["error"], rows["k"].to_numpy())
    assert rows["expected"].to_numpy() == pytest.approx(expected)
    assert rows["expected"].is_monotonic_decreasing


def test_it_has_a_heading_and_its_picture_in_the_report(computed, inquiry):
    each = computed(EXHIBIT)
    assert EXHIBIT.section(each, inquiry).heading == "Random search"
    assert EXHIBIT.caption(each[0]).alternative.endswith("for A, E")

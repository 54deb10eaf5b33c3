"""How soon a search finds a good model."""

from __future__ import annotations

import pytest

from dsx import analysis
from dsx.exhibits.random_search import EXHIBIT


def test_the_table_holds_the_expected_minimum(computed, inquiry):
    (each,) = computed(EXHIBIT)
    rows = each.main[each.main["study"] == "A"]
    errors = inquiry.models["A"]["error"]
    curve = analysis.best_of_k(errors)
    for column in ("k", "expected", "low", "high"):
        assert rows[column].to_numpy() == pytest.approx(getattr(curve, column), nan_ok=True)
    assert rows["k"].iloc[-1] == len(errors)
    assert rows["expected"].iloc[-1] == pytest.approx(errors.min())  # of all n models, the lowest


def test_the_report_says_what_may_be_said_of_the_lowest_errors(computed, inquiry):
    section = EXHIBIT.section(computed(EXHIBIT), inquiry)
    assert [row[:2] for row in section.grid.rows] == [["A", "24"], ["E", "23"]]
    lowest = inquiry.models["A"]["error"].min()
    assert section.grid.rows[0][2].startswith(f"{lowest:.1f} (")
    assert section.notes[0].endswith("Nothing is said of more models than there are.")


def test_it_has_a_heading_and_its_picture_in_the_report(computed, inquiry):
    each = computed(EXHIBIT)
    assert EXHIBIT.section(each, inquiry).heading == "Random search"
    assert EXHIBIT.caption(each[0]).alternative.endswith("for A, E")

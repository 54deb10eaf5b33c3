"""A paper's errors beside ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.paper import EXHIBIT
from dsx.study.manifest import PaperErrors


@pytest.fixture
def beside(inquiry: Inquiry) -> Inquiry:
    """Study A with a paper's two errors, E with a mean alone."""
    papers = (PaperErrors(source="figure 9", min_error=39.0, mean_error=49.0), PaperErrors(source="t", mean_error=42.7))
    return Inquiry([replace(study, paper=paper) for study, paper in zip(inquiry.studies, papers, strict=True)])


def test_without_a_papers_numbers_nothing_is_shown(computed, inquiry):
    assert computed(EXHIBIT) == []
    assert not EXHIBIT.section([], inquiry)


def test_the_papers_numbers_stand_beside_those_of_the_models(beside):
    (computed,) = EXHIBIT.compute(beside)
    table = computed.main.set_index("study")
    errors = beside.tables["A"]["error"]
    assert table.loc["A", "mean_error"] == pytest.approx(errors.mean())
    assert (table.loc["A", "min_error"], table.loc["A", "paper_min_error"]) == (errors.min(), 39.0)
    assert table["paper_mean_error"].tolist() == [49.0, 42.7]


def test_the_terminal_and_the_report_show_both(beside):
    shown = list(EXHIBIT.compute(beside))
    (told,) = EXHIBIT.told(shown[0])
    first, second = told.splitlines()[1:]
    assert first.split()[:4] == ["A", "figure", "9", "[39.0|49.0]"]
    assert "[–|42.7]" in second
    grid = EXHIBIT.section(shown, beside).grid
    assert grid.rows[0][:3] == ["A", "figure 9", "[39.0|49.0]"]
    assert f"[{beside.tables['A']['error'].min():.1f} | " in grid.rows[0][4]

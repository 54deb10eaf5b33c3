"""Where the best models lie."""

from __future__ import annotations

from dsx import analysis
from dsx.exhibits.best_ranges import EXHIBIT
from dsx.exhibits.cells import short_cell
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_the_report_has_the_structure_of_the_networks_and_the_table_the_parameters(computed, inquiry):
    each = computed(EXHIBIT)
    assert "total_depth" not in set(each[0].main["parameter"])
    grid = EXHIBIT.section(each, inquiry).grid
    depth = next(row for row in grid.rows if row[0].startswith("total depth"))
    models = inquiry.models["A"]
    low, median, high = analysis.best_range(models["total_depth"], models["error"])
    assert depth[1] == f"{short_cell(median)} ({short_cell(low)}–{short_cell(high)})"


def test_a_parameter_that_one_study_lacks_has_a_dash(computed, inquiry):
    grid = EXHIBIT.section(computed(EXHIBIT), inquiry).grid
    shared = next(row for row in grid.rows if row[0] == "bottleneck ratio")  # E's, by stage in A
    assert shared[1] == "–"
    assert shared[2] != "–"


def test_what_does_not_vary_is_named_and_not_listed(inquiry):
    studies = [StudyFacts("one", inquiry.tables["A"].assign(steady=3.0))]
    alone = Inquiry(studies)
    section = EXHIBIT.section(list(EXHIBIT.compute(alone)), alone)
    assert "steady" not in {row[0] for row in section.grid.rows}
    assert section.notes[0].startswith("The same in all models, hence not listed: ")
    assert "steady" in section.notes[0]

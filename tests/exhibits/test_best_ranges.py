"""Where the best models lie."""

from __future__ import annotations

import re

from dsx import analysis
from dsx.exhibits.best_ranges import EXHIBIT
from dsx.exhibits.cells import short_cell
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts
from dsx.plots.labels import axis


def test_the_table_has_what_the_terminal_and_the_report_have(computed, inquiry):
    each = computed(EXHIBIT)
    table = each[0].main.set_index(["study", "parameter"])
    told = [re.findall(r"(\w[\w ]*) [\d.,]+ \(", line.partition(": ")[2]) for line in EXHIBIT.told(each[0])]
    for study, names in zip(inquiry.models, told, strict=True):
        assert names
        assert {name.replace(" ", "_") for name in names} <= set(table.loc[study].index)
    for label, *cells in EXHIBIT.section(each, inquiry).grid.rows:
        known = [study for study, cell in zip(inquiry.models, cells, strict=True) if cell != "–"]
        assert known
        assert all(any(axis(name, [0.0])[0] == label for name in table.loc[study].index) for study in known)


def test_the_report_has_the_structure_of_the_networks(computed, inquiry):
    each = computed(EXHIBIT)
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


def test_the_terminal_has_a_line_for_each_study_of_what_the_best_models_are(computed, inquiry):
    (each,) = computed(EXHIBIT)
    lines = EXHIBIT.told(each)
    models = inquiry.models["E"]
    assert len(lines) == 2
    assert lines[0].startswith("best 25 % of A: total depth ")
    low, median, high = map(short_cell, analysis.best_range(models["total_depth"], models["error"]))
    assert lines[1].startswith(f"best 25 % of E: total depth {median} ({low}–{high}), bottleneck ratio ")


def test_of_a_single_study_its_name_is_not_said_and_of_one_model_nothing_is(inquiry):
    alone = Inquiry(inquiry.studies[:1])
    (line,) = EXHIBIT.told(*EXHIBIT.compute(alone))
    assert line.startswith("best 25 %: total depth ")
    failed = StudyFacts("failed", inquiry.tables["A"].assign(state="failed", error=float("nan")))
    (line,) = EXHIBIT.told(*EXHIBIT.compute(Inquiry([*inquiry.studies[:1], failed])))
    assert line.startswith("best 25 % of A: total depth ")  # which one, where two are named
    one = Inquiry([StudyFacts("one", inquiry.tables["A"].iloc[:1])])
    assert EXHIBIT.told(*EXHIBIT.compute(one)) == []


def test_parameters_of_any_network_are_told_where_it_has_no_stages(inquiry):
    models = inquiry.tables["A"][["model_id", "state", "error"]]
    columns = {"layers": range(len(models)), "units": range(len(models)), "same": 1, "rate": 0.1, "act": 2.0}
    each = EXHIBIT.compute(Inquiry([StudyFacts("own", models.assign(**columns))]))
    (line,) = EXHIBIT.told(*each)
    assert [part.split()[0] for part in line.removeprefix("best 25 %: ").split(", ")] == ["layers", "units"]

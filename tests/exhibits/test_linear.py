"""How close networks are to a quantised line."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from scipy.stats import spearmanr

from dsx.analysis import best_range
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.linear import EXHIBIT
from dsx.exhibits.studies import StudyFacts


def test_the_report_tells_how_it_goes_with_the_error(computed, inquiry):
    each = computed(EXHIBIT)
    rows = {row[0]: row for row in EXHIBIT.section(each, inquiry).grid.rows}
    fits = each[1].main
    known = fits["e_fit"].notna()
    rho = spearmanr(fits.loc[known, "e_fit"], fits.loc[known, "error"]).statistic
    assert rows["A"][4].startswith(f"{rho:.2f} (".replace("-", "−"))
    assert rows["A"][1] == f"{known.sum()} of 24"
    row = each[0].main.set_index("study").loc["A"]
    assert row["correlation"] == pytest.approx(rho)
    assert row["e_fit"] == fits["e_fit"].median()
    assert (row["best_low"], row["best"], row["best_high"]) == best_range(fits["e_fit"], fits["error"])


def test_the_figure_says_what_the_table_holds(computed):
    _, each, _ = computed(EXHIBIT)
    shown = replace(each, values={**each.values, "row": {**each.values["row"], "correlation": 0.123}})
    assert "rank correlation 0.12 (" in EXHIBIT.draw(shown, None).get_title(loc="left")


def test_networks_too_deep_to_fit_are_counted_and_told():
    table = pd.DataFrame({"model_id": ["a", "b"], "state": "done", "error": [1.0, 2.0]})
    networks = pd.DataFrame({"model_id": ["a", "b"], "stages": [[[300, 16, 1, 0]], [[301, 16, 1, 0]]]})
    deep = Inquiry([StudyFacts("deep", table, networks)])
    (each,) = EXHIBIT.compute(deep)
    assert each.main[["study", "networks", "fitted"]].values.tolist() == [["deep", 2, 0]]
    assert EXHIBIT.section([each], deep).notes == (
        "deep: widths: 300 blocks: a linear fit is made for networks of up to 256 blocks",
    )


def test_networks_that_are_not_known_are_not_fitted(inquiry):
    bare = Inquiry([StudyFacts("A", inquiry.tables["A"])])
    assert list(EXHIBIT.compute(bare)) == []
    assert not EXHIBIT.section([], bare)


def test_where_all_networks_are_alike_there_is_nothing_to_tell(inquiry):
    one = inquiry.studies[0]
    alike = StudyFacts("alike", one.table.iloc[:1], one.networks)
    assert list(EXHIBIT.compute(Inquiry([alike]))) == []

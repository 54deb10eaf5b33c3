"""Every pair of studies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsx import analysis
from dsx.exhibits.comparison import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.matched import EXHIBIT as MATCHED
from dsx.recipes.metric import Metric


def test_a_pair_is_compared_as_the_statistic_does(computed, inquiry):
    (row,) = computed(EXHIBIT)[0].main.to_dict("records")
    alone = analysis.compare(inquiry.tables["A"], inquiry.tables["E"])
    assert (row["a"], row["b"]) == ("A", "E")
    assert row["mean_difference"] == pytest.approx(alone["mean_difference"])
    assert row["trimmed_difference_high"] == pytest.approx(alone["trimmed_difference_high"])
    assert row["words"].startswith("E is better than A: a model of E beats one of A with probability ")


def test_where_more_is_better_the_words_tell_the_difference_that_the_report_shows(inquiry):
    metric = Metric(name="map", unit="%", better="higher")
    of_map = Inquiry([replace(study, metrics=(metric,)) for study in inquiry.studies])
    (each,) = EXHIBIT.compute(of_map)
    difference = each.main.loc[0, "mean_difference"]
    assert difference < 0  # of the errors
    assert EXHIBIT.section([each], of_map).grid.rows[0][1].startswith(f"{-difference:.1f}")
    assert f"; A − E in points: mean {-difference:.2f}, " in each.main.loc[0, "words"]
    (matched,) = MATCHED.compute(of_map)
    rows = matched.main.dropna(subset="mean_difference")
    assert len(rows)
    for _, row in rows.iterrows():
        negative, positive = row["words"].split("in bins: ")[1].startswith("−"), row["mean_difference"] > 0
        assert negative == positive


def test_a_single_study_has_no_comparison_in_the_report(inquiry):
    single = Inquiry(inquiry.studies[:1])
    each = list(EXHIBIT.compute(single))
    assert not EXHIBIT.section(each, single)

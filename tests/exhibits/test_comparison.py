"""Every pair of studies."""

from __future__ import annotations

import pytest

from dsx import analysis
from dsx.exhibits.comparison import EXHIBIT
from dsx.exhibits.exhibit import Inquiry


def test_a_pair_is_compared_as_the_statistic_does(computed, inquiry):
    (row,) = computed(EXHIBIT)[0].main.to_dict("records")
    alone = analysis.compare(inquiry.tables["A"], inquiry.tables["E"])
    assert (row["a"], row["b"]) == ("A", "E")
    assert row["mean_difference"] == pytest.approx(alone["mean_difference"])
    assert row["trimmed_difference_high"] == pytest.approx(alone["trimmed_difference_high"])
    assert row["words"].startswith("E is better than A: a model of E beats one of A with probability ")


def test_a_single_study_has_no_comparison_in_the_report(inquiry):
    single = Inquiry(inquiry.studies[:1])
    each = list(EXHIBIT.compute(single))
    assert not EXHIBIT.section(each, single)

"""Error and cost at once, of several studies."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.attainment import joint_difference, joint_edf
from dsx.exhibits.attainment import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_there_is_one_for_each_complexity_of_all_studies(computed, inquiry):
    shown = computed(EXHIBIT)
    assert [each.path for each in shown] == ["attainment_flops", "attainment_params", "attainment_acts"]
    for each in shown:
        assert list(dict.fromkeys(each.main["study"])) == list(inquiry.models)
        assert set(each.main["draws"]) == {10}
        for _, rows in each.main.groupby("study"):
            assert (np.diff(rows["error"]) <= 0).all()
        assert len(each.tables["_difference"]) == 2


def test_shares_are_told_where_two_studies_are_furthest_apart(inquiry):
    """As they are in the models here, without a claim."""
    low, high = (inquiry.studies[0].table.assign(error=np.linspace(*ends, 24)) for ends in ((3, 6), (20, 30)))
    apart = Inquiry([StudyFacts("A", high), StudyFacts("B", low)])
    (told, *others) = EXHIBIT.section(list(EXHIBIT.compute(apart)), apart).sentences
    assert told.startswith(
        "Error and flops: furthest apart are 100% of B and 0% of A, with error below 6 % and flops of at most "
    )
    assert len(others) == 2


def test_bands_of_differences_are_for_all_pairs_and_complexities_at_once(inquiry):
    rng = np.random.default_rng(3)
    three = [StudyFacts(n, inquiry.studies[0].table.assign(error=rng.gamma(2, 1, 24))) for n in "ABC"]
    shown = list(EXHIBIT.compute(Inquiry(three)))
    tables = {study.name: study.table for study in three}
    for each in shown:
        by = each.values["by"]
        assert len(each.tables["_difference"]) == 6
        for _, row in each.tables["_difference"].iterrows():
            joints = [joint_edf(tables[row[one]]["error"], tables[row[one]][by]) for one in ("ahead", "behind")]
            share, other = (np.mean((j.error < row["error"]) & (j.cost <= row["cost"])) for j in joints)
            assert row["difference"] == pytest.approx(share - other)
            if row["ahead"] < row["behind"]:
                assert row["half_width"] == joint_difference(*joints, 1 - 0.05 / 9).half_width
                assert row["half_width"] > joint_difference(*joints, 0.95).half_width
    told = EXHIBIT.section(shown, Inquiry(three)).sentences
    pairs = [re.findall(r"(\d+)% of ([ABC])", sentence) for sentence in told]
    assert [{name for _, name in shares} for shares in pairs] == 3 * [{"A", "B"}, {"A", "C"}, {"B", "C"}]
    largest = pd.concat(
        [each.tables["_difference"]["difference"].groupby(lambda row: row // 2).max() for each in shown]
    )
    apart = [abs(int(shares[0][0]) - int(shares[1][0])) for shares in pairs]
    assert apart == pytest.approx(list(100 * largest), abs=1.01)


def test_one_study_alone_and_sizes_that_do_not_vary_have_none(inquiry):
    assert list(EXHIBIT.compute(Inquiry(inquiry.studies[:1]))) == []
    same = [StudyFacts(each.name, each.table.assign(flops=1.0, params=1.0, acts=1.0)) for each in inquiry.studies]
    assert list(EXHIBIT.compute(Inquiry(same))) == []


def test_a_cost_that_is_not_finite_leaves_out_what_is_shown_by_it_and_nothing_else(inquiry):
    costs = inquiry.studies[0].table["flops"].where(inquiry.studies[0].table.index > 0, np.inf)
    odd = [StudyFacts("A", inquiry.studies[0].table.assign(flops=costs)), inquiry.studies[1]]
    assert [each.path for each in EXHIBIT.compute(Inquiry(odd))] == ["attainment_params", "attainment_acts"]

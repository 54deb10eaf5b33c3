"""Mean error against complexity."""

from __future__ import annotations

from dsx.exhibits.error_by_complexity import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_there_is_a_figure_for_each_complexity_with_all_models_in_it(computed, inquiry):
    shown = computed(EXHIBIT)
    assert [each.path for each in shown] == ["error_by_flops", "error_by_params", "error_by_acts"]
    for each in shown:
        assert each.main.groupby("study")["n"].sum().to_dict() == {n: len(m) for n, m in inquiry.models.items()}


def test_one_study_alone_and_sizes_that_do_not_vary_have_none(inquiry):
    assert list(EXHIBIT.compute(Inquiry(inquiry.studies[:1]))) == []
    same = [StudyFacts(each.name, each.table.assign(flops=1.0, params=1.0, acts=1.0)) for each in inquiry.studies]
    assert list(EXHIBIT.compute(Inquiry(same))) == []

"""Training curves of the best, median and worst run."""

from __future__ import annotations

from dsx.exhibits.curves import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_three_roles_are_drawn(computed):
    each = computed(EXHIBIT)[0]
    assert list(dict.fromkeys(each.main["role"])) == ["best", "median", "worst"]
    assert EXHIBIT.draw(each, None).get_xlabel() == "epoch"


def test_studies_without_curves_are_named(inquiry):
    bare = Inquiry([StudyFacts("theirs", inquiry.tables["A"])])
    assert list(EXHIBIT.compute(bare)) == []
    assert EXHIBIT.section([], bare).sentences == ("No training curves are known of theirs.",)

"""The findings in a few sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from report.conftest import made_up

from dsx.analysis.decisions import Decisions
from dsx.analysis.verdict import Margin
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.headline import conclusion, headline
from dsx.exhibits.studies import StudyFacts
from dsx.exhibits.summary import EXHIBIT as SUMMARY


def looked_at(*studies, **options) -> tuple[pd.DataFrame, Decisions]:
    inquiry = Inquiry(studies, **options)
    return next(iter(SUMMARY.compute(inquiry))).main, inquiry.decided


def study(name: str, shift: float, n: int = 60) -> StudyFacts:
    errors = shift + np.random.default_rng(len(name) + n).permutation(np.linspace(3, 5, n))
    return StudyFacts(name, pd.DataFrame({"error": errors}))


def test_nothing_finished_is_said_to_be_nothing_to_compare():
    summary, decided = looked_at(made_up("A", state="pending", error=np.nan))
    assert headline(summary, decided, 0.95) == ["No model has finished yet: there is nothing to compare."]
    assert conclusion(decided) == []


def test_a_single_study_is_described():
    summary, decided = looked_at(made_up("A"))
    (sentence,) = headline(summary, decided, 0.95)
    assert sentence.startswith("A: mean error ")
    assert sentence.endswith("among 24 models (brackets: 95 % intervals).")


def test_of_many_studies_the_one_that_is_better_than_most_is_set_against_each_other_one():
    summary, decided = looked_at(*(study(name, shift) for name, shift in (("a", 3), ("b", 2), ("c", 0), ("d", 5))))
    sentences = headline(summary, decided, 0.95)
    assert [sentence.split(":")[0] for sentence in sentences] == [f"c is better than {name}" for name in "abd"]
    assert conclusion(decided) == [
        "found: c is better than a, b and d; decided: 6 of 6 pairs at any look, 6 if this is the only look"
    ]


def test_studies_that_are_better_than_as_many_are_both_told():
    shifts = (("a", 3), ("b", 0), ("c", 3), ("d", 0))
    summary, decided = looked_at(*(study(name, shift, 60 + len(shifts)) for name, shift in shifts))
    sentences = headline(summary, decided, 0.95)
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "b is better than a", "b is better than c", "Undecided between b and d", "d is better than a and c too.",
    ]  # fmt: skip
    assert conclusion(decided)[0].startswith("found: b is better than a and c; d is better than a and c; decided: 4 of")


def test_where_nothing_is_decided_nothing_is_said_to_be_better():
    summary, decided = looked_at(*(study(name, 0) for name in "abcd"))
    assert headline(summary, decided, 0.95) == ["None of the 4 studies could be shown to be better than another."]
    assert conclusion(decided) == [
        "found: no study could be shown to be better; decided: 0 of 6 pairs at any look, 0 if this is the only look"
    ]


def test_equivalent_studies_are_counted_with_their_margin():
    _, decided = looked_at(study("a", 0, 800), study("b", 0, 800), margin=Margin(1.0, "points"))
    assert conclusion(decided) == [
        "found: no study could be shown to be better; 1 pair is equivalent within 1 point; decided: 1 of 1 pair at any"
        " look, 1 if this is the only look"
    ]


def test_a_study_that_is_ahead_within_the_margin_is_told_and_not_that_none_is_better():
    studies = [study("a", 0, 800), study("b", 0.4, 800)]
    _, decided = looked_at(*studies, margin=Margin(1.0, "points"))
    assert [(pair.decision, pair.direction) for pair in decided.pairs] == [("equivalent", "a")]
    assert conclusion(decided)[0].startswith(
        "found: 1 pair is equivalent within 1 point; within it a is ahead of b; decided: 1 of 1 pair"
    )
    others = [study("c", 0, 800), study("d", 0.4, 800)]
    summary, decided = looked_at(*studies, *others, margin=Margin(1.0, "points"))
    told = "6 pairs are equivalent within 1 point; within it a is ahead of b, a is ahead of d, c is ahead of b and c is"
    assert headline(summary, decided, 0.95) == [f"{told} ahead of d."]


def test_equivalent_pairs_stand_in_the_headline_of_many_studies():
    shifts = (("a", 0), ("b", 0), ("c", 0), ("d", 5))
    summary, decided = looked_at(*(study(name, s, 800) for name, s in shifts), margin=Margin(1.0, "points"))
    assert headline(summary, decided, 0.95)[-1] == "3 pairs are equivalent within 1 point."
    summary, decided = looked_at(*(study(name, 0, 800) for name in "abcd"), margin=Margin(1.0, "points"))
    assert headline(summary, decided, 0.95) == [
        "None of the 4 studies could be shown to be better than another.", "6 pairs are equivalent within 1 point.",
    ]  # fmt: skip

"""The findings in a few sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
from report.conftest import made_up

from dsx.exhibits.comparison import EXHIBIT as COMPARISON
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.headline import conclusion, headline
from dsx.exhibits.summary import EXHIBIT as SUMMARY


def tables(*studies) -> tuple[pd.DataFrame, pd.DataFrame]:
    inquiry = Inquiry(studies)
    return next(iter(SUMMARY.compute(inquiry))).main, next(iter(COMPARISON.compute(inquiry))).main


def test_nothing_finished_is_said_to_be_nothing_to_compare():
    summary, pairs = tables(made_up("A", state="pending", error=np.nan))
    assert headline(summary, pairs, 0.95) == ["No model has finished yet: there is nothing to compare."]
    assert conclusion(summary, pairs) == []


def test_a_single_study_is_described():
    summary, pairs = tables(made_up("A"))
    (sentence,) = headline(summary, pairs, 0.95)
    assert sentence.startswith("A: mean error ")
    assert sentence.endswith("among 24 models (brackets: 95 % intervals).")


def test_of_many_studies_the_best_is_set_against_each_other_one():
    summary, pairs = tables(
        *(made_up(name, n=8, shift=shift) for name, shift in (("a", 3), ("b", 2), ("c", 0), ("d", 5)))
    )
    sentences = headline(summary, pairs, 0.95)
    assert len(sentences) == 3
    assert all("c" in sentence.split(":")[0] for sentence in sentences)
    assert conclusion(summary, pairs)[0].startswith("found: c has the lowest mean error, ")

"""Importance of parameters, of the studies whose space is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report.conftest import made_up

import dsx
from dsx.exhibits import importance
from dsx.exhibits.exhibit import Computed, Inquiry
from dsx.exhibits.importance import EXHIBIT, sentence
from dsx.exhibits.studies import StudyFacts
from dsx.exhibits.subsets import where
from dsx.narrowing.importance import importance as importance_of

SPACE = dsx.load_space("RegNetX-digits")


@pytest.fixture(scope="module")
def facts() -> StudyFacts:
    """A study of 60 networks whose error is their depth, but for noise."""
    study = made_up("R", 60, space="RegNetX-digits")
    noise = np.random.default_rng(0).normal(0, 0.3, 60)
    return replace(study, table=study.table.assign(error=3 + 0.2 * study.table["depth"] + noise), space=SPACE)


@pytest.fixture(scope="module")
def shown(facts: StudyFacts) -> list[Computed]:
    return list(EXHIBIT.compute(Inquiry([facts])))


@pytest.mark.slow
def test_parameters_and_pairs_have_a_table_and_a_figure_each(facts: StudyFacts, shown: list[Computed]) -> None:
    assert [each.path for each in shown] == ["figures/R/importance", "figures/R/importance_pairs"]
    whole = importance_of(SPACE, facts.models)
    assert shown[0].main.equals(whole[whole["with"] == ""].reset_index(drop=True))
    assert shown[1].main.equals(whole[whole["with"] != ""].reset_index(drop=True))
    assert EXHIBIT.draw is not None
    names = [label.get_text() for label in EXHIBIT.draw(shown[0], None).get_yticklabels()]
    assert names[-1] == "depth"
    pairs = {label.get_text() for label in EXHIBIT.draw(shown[1], None).get_yticklabels()}
    assert {tuple(sorted(pair.split(" × "))) for pair in pairs} >= {("depth", "wa")}


@pytest.mark.slow
def test_what_is_said_is_what_the_corrected_pvalues_show(facts: StudyFacts, shown: list[Computed]) -> None:
    assert EXHIBIT.section is not None
    section = EXHIBIT.section(shown, Inquiry([facts]))
    (words,) = section.sentences
    table = shown[0].main[shown[0].main["outcome"] == "error"].set_index("parameter")
    strength = 100 * table.loc["depth", "strength"]
    assert words.startswith(f"R: shown to go with the error, with its share of the variance: depth ({strength:.0f} %")
    assert words.endswith("; by 60 models.")
    assert ("by itself" in words) == bool((table["pvalue_corrected"] <= 0.05).any())
    assert section.grid is not None
    assert section.grid.rows[0][:2] == ["R", "depth"]
    for pvalue in ("pvalue_alone_corrected", "pvalue_corrected"):
        table[pvalue] = 0.2
    nothing = sentence(table.reset_index(), 0.95, "R")
    assert nothing == f"R: none of {len(table)} parameters is shown to go with the error, by 60 models."


@pytest.mark.slow
def test_of_large_studies_the_first_models_are_looked_at_and_this_is_said(
    facts: StudyFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "MOST", 40)
    inquiry = Inquiry([facts])
    alone, _ = EXHIBIT.compute(inquiry)
    assert set(alone.main["n"]) == {40}
    assert alone.values["notes"] == ["the first 40 of 60 models"]
    assert EXHIBIT.section is not None
    assert EXHIBIT.section([alone], inquiry).notes == ("R: the first 40 of 60 models.",)
    assert EXHIBIT.draw is not None
    assert EXHIBIT.draw(alone, None).get_legend().get_title().get_text() == "n 40, the first 40 of 60 models"


def test_there_is_none_where_the_law_or_the_differences_are_missing(facts: StudyFacts) -> None:
    unknown = replace(facts, space=None)
    few = replace(facts, table=facts.table.head(19))
    equal = replace(facts, table=facts.table.assign(error=3.0))
    part = where([facts], "depth >= 4").studies
    assert list(EXHIBIT.compute(Inquiry([unknown, few, equal, *part]))) == []
    assert EXHIBIT.section is not None
    assert not EXHIBIT.section([], Inquiry([unknown]))

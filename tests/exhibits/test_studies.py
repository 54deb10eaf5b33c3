"""What is known of a study."""

from __future__ import annotations

import pytest
from report.conftest import made_up, with_failures

from dsx.exhibits.studies import StudyFacts


def test_structure_of_the_networks_joins_the_results():
    facts = with_failures(made_up("E"))
    assert len(facts.whole) == 24
    assert len(facts.models) == 23  # one failed, the diverged one counts
    assert {"stages", "total_depth", "first_width"} <= set(facts.whole.columns)


def test_results_alone_are_enough():
    table = made_up("E").table
    facts = StudyFacts("E", table)
    assert facts.whole is table
    assert facts.fitted.empty


def test_fits_are_in_the_order_of_the_models():
    facts = made_up("E", n=8)
    assert facts.fitted["error"].tolist() == pytest.approx(facts.models["error"].tolist())
    assert (facts.fitted["e_fit"].dropna() >= 0).all()

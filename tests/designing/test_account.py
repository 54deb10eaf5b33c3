"""What a walk says: its candidates, its steps, and how it ended."""

from __future__ import annotations

import dsx
from dsx.analysis.step_test import Look
from dsx.designing.account import headline, spent, told, told_proposal, told_step
from dsx.designing.journal import Journal
from dsx.designing.models import FunctionSource
from dsx.designing.plan import Step, WalkPlan
from dsx.designing.refinement import Refinement
from dsx.designing.walk import Walk

LOOK = Look(24, 30, 0.49, 0.4, 0.6, 0.6, 0.004, 0.01, "no worse")
RULE = Refinement("few blocks", "derived", {"rules": {"few": "total_depth <= 9"}}, "seen.", True, True)
TAKEN = Step(1, RULE, "A", "A-1", 0.025, (LOOK,), trained=54, reused=7)


def empty_walk() -> Walk:
    return Walk(dsx.load_space("AnyNetXA-digits"), WalkPlan(100), FunctionSource(lambda _: 1.0), Journal())


def test_a_step_is_told_with_its_evidence_and_what_was_reused() -> None:
    assert told_step(TAKEN) == [
        "  1. [taken] few blocks → A-1",
        "       no worse within the margin, and simpler: 24 fresh models of it and 30 of what it leaves out; a model of"
        " it beats one of those with chance 0.49 (0.40–0.60); p = 0.004, where 0.01 decides at look 1",
        "       7 earlier models reused",
    ]


def test_candidates_are_numbered_and_the_last_ones_counted() -> None:
    lines = told_proposal([RULE] * 14)
    assert lines[:2] == ["  1. [supported] few blocks", "       seen."]
    assert lines[-1] == "  and 2 ways more, of which less is to be expected"


def test_a_walk_that_took_nothing_says_so() -> None:
    whole = empty_walk()
    assert headline(whole, "nothing left") == [
        "No step was taken.",
        "ended: nothing is left that is worth a test",
    ]
    assert told(whole, None)[0] == "AnyNetXA-digits"
    assert spent(whole) == (
        "0 models trained of 100; 0 models of wider spaces counted on in narrower ones, to propose by"
    )

"""Verdicts in sentences."""

from __future__ import annotations

import dataclasses

import numpy as np

from dsx.analysis.verdict import Margin, verdicts
from dsx.analysis.verdict_words import verdict_sentence


def test_sentences_say_the_verdict():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 60), rng.normal(1, 1, 60)
    better = "A is better than B: a model of A beats one of B with probability 0.80 (0.71–0.87)."
    assert verdict_sentence(verdicts({"A": a, "B": b})[0]) == better
    assert verdict_sentence(verdicts({"B": b, "A": a})[0]) == better
    assert verdict_sentence(verdicts({"A": a, "B": a + 0.01})[0]) == (
        "Undecided between A and B: a model of A beats one of B with probability 0.51 (0.41–0.61)."
    )
    assert verdict_sentence(verdicts({"A": [1, 2, 3], "B": [4, 5, 6, 7]})[0]) == (
        "3 and 4 models cannot decide between A and B: it takes at least 4 of each."
    )
    six = {name: [1.0, 2.0, 3.0] for name in "ABCDEF"}
    assert verdict_sentence(verdicts(six)[0]) == (
        "3 and 3 models cannot decide between A and B: it takes at least 6 of each, as one of 15 comparisons."
    )
    many = rng.normal(0, 1, 2000)
    assert verdict_sentence(verdicts({"A": many, "B": many}, margin=Margin(0.1))[0]) == (
        "A and B are equivalent within a margin of 0.1 of even odds: "
        "a model of A beats one of B with probability 0.50 (0.48–0.52)."
    )
    assert verdict_sentence(verdicts({"A": many, "B": many + 0.15}, margin=Margin(0.5, "points"))[0]) == (
        "A and B are equivalent within a margin of 0.5 points; within it A is ahead: "
        "a model of A beats one of B with probability 0.54 (0.52–0.56)."
    )


def test_a_sentence_never_quotes_an_interval_that_denies_it():
    (verdict,) = verdicts({"A": [1.0, 2, 3, 4], "B": [5.0, 6, 7, 8]})
    assert verdict.decision == "a better"
    assert verdict.low < 0.5
    assert verdict_sentence(verdict) == "A is better than B: a model of A beats one of B with probability 1.00."
    late = dataclasses.replace(verdict, superiority=0.49, looks="any", decided_at=24)
    assert verdict_sentence(late) == "A is better than B: decided after 24 models of each."


def test_names_may_be_given_and_another_measure_is_named():
    (verdict,) = verdicts({"A": [1.0, 2, 3, 4], "B": [5.0, 6, 7, 8]})
    by_loss = dataclasses.replace(verdict, measure="loss")
    assert verdict_sentence(by_loss, "narrow", "wide") == (
        "narrow is better than wide by loss: a model of narrow beats one of wide with probability 1.00."
    )


def test_an_interval_wider_than_the_margin_is_left_to_the_tables():
    many = np.random.default_rng(1).normal(0, 1, 2000)
    (verdict,) = verdicts({"A": many, "B": many}, margin=Margin(0.1))
    wide = dataclasses.replace(verdict, low=0.39, high=0.59)
    assert verdict_sentence(wide) == (
        "A and B are equivalent within a margin of 0.1 of even odds: a model of A beats one of B with probability 0.50."
    )


def test_comparisons_at_equal_complexity_and_crossing_curves_are_named():
    (verdict,) = verdicts({"A": [1.0, 2, 3, 4], "B": [5.0, 6, 7, 8]})
    at_equal = dataclasses.replace(verdict, measure="at equal flops")
    assert verdict_sentence(at_equal).startswith("A is better than B at equal flops: ")
    crossing = dataclasses.replace(
        verdict, measure="at every error", decision="neither", direction=None, superiority=np.nan
    )
    assert verdict_sentence(crossing) == "Neither A nor B is better at every error: each is ahead somewhere."
    assert verdict_sentence(dataclasses.replace(crossing, decision="undecided")) == (
        "Whether one of A and B is better at every error is undecided."
    )

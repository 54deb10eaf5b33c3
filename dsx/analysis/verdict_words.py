"""A verdict in a sentence. Nothing is said that the verdict does not hold."""

from __future__ import annotations

import math

from dsx.analysis.verdict import Verdict


def verdict_sentence(verdict: Verdict, name_a: str | None = None, name_b: str | None = None) -> str:
    """Which is better, that both are equivalent, or that it is undecided, and how many models a decision takes.

    The better population comes first, whichever was a. An interval that would reach past what is decided
    (it holds for all comparisons at once, which is more than the decision needs) is left to the tables.
    """
    a, b = name_a or verdict.a, name_b or verdict.b
    by = _measure(verdict.measure)
    if verdict.decision == "neither":
        return f"Neither {a} nor {b} is better{by}: each is ahead somewhere."
    if math.isnan(verdict.superiority):
        return f"Whether one of {a} and {b} is better{by} is undecided."
    ahead_is_a = verdict.superiority >= 0.5 if verdict.direction is None else verdict.direction == "a"
    first, second = (a, b) if ahead_is_a else (b, a)
    chance = _chance(verdict, first, second, ahead_is_a)
    if verdict.direction is not None and (verdict.superiority > 0.5) != ahead_is_a:
        # any look: the models that came after the decision lean the other way
        chance = f"decided after {verdict.decided_at} models of each"
    if verdict.decision in ("a better", "b better"):
        return f"{first} is better than {second}{by}: {chance}."
    if verdict.decision == "equivalent":
        ahead = f"; within it {first} is ahead" if verdict.direction else ""
        return f"{a} and {b} are equivalent{by} within a margin of {verdict.margin}{ahead}: {chance}."
    if not verdict.enough:
        among = "" if verdict.comparisons == 1 else f", as one of {verdict.comparisons} comparisons"
        return (
            f"{verdict.n_a} and {verdict.n_b} models cannot decide between {a} and {b}{by}: "
            f"it takes at least {verdict.models_needed} of each{among}."
        )
    return f"Undecided between {a} and {b}{by}: {chance}."


def _chance(verdict: Verdict, first: str, second: str, ahead_is_a: bool) -> str:
    """`a model of A beats one of B with probability 0.78 (0.75–0.81)`."""
    chance, low, high = verdict.superiority, verdict.low, verdict.high
    if not ahead_is_a:
        chance, low, high = 1 - chance, 1 - high, 1 - low
    text = f"a model of {first} beats one of {second} with probability {chance:.2f}"
    within = True
    if verdict.decision == "equivalent" and verdict.margin is not None and verdict.margin.unit == "probability":
        within = max(0.5 - low, high - 0.5) <= verdict.margin.value
    if math.isnan(low) or not within or (verdict.direction is not None and low <= 0.5):
        return text
    return f"{text} ({low:.2f}–{high:.2f})"


def _measure(measure: str) -> str:
    """How a sentence names what was compared: nothing for the errors as they are, ` at equal flops`, ` by loss`."""
    if measure == "error":
        return ""
    return f" {measure}" if measure.startswith("at ") else f" by {measure}"

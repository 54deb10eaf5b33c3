"""Verdicts that hold however often one looks, and whenever one stops.

The i-th model of one population is paired with the i-th of the other, so what is compared is a function of
the populations' order alone, never of which models happened to finish first. Evidence is never taken back: a
verdict once reached stays.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsx.analysis.betting import RankBets, log_wealth, log_wealth_of_counts, rank_bets, superiority_sequence
from dsx.analysis.superiority import superiority
from dsx.analysis.verdict import Comparison, Margin, Verdict, check_margin, decide, step_down
from dsx.base.errors import DsxError
from dsx.recipes.metric import ERROR_NAME
from dsx.results.arrays import Floats, check_level, is_table, number_array
from dsx.results.samples import Errors, as_sample


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence on one pair after each of n pairs of models, in order; all (n,)."""

    # a_better, b_better: e-values, the wealth of a bettor on that direction, expected to be at most 1 at any time if it
    # is not so; capped at e^700
    a_better: Floats
    b_better: Floats
    pvalue: Floats  # 2 over the highest of both so far, never rising
    equivalence_pvalue: Floats  # likewise of "they differ by the margin or more"; NaN without a margin


def sequential_verdicts(
    populations: Mapping[str, Errors], level: float = 0.95, margin: Margin | None = None
) -> tuple[Verdict, ...]:
    """A verdict on every pair of populations by their error, valid at any look.

    populations: name → (n,) percent in the population's order, NaN for a model that has no error yet:
    what comes after it waits, as the order of finishing must not matter. Failed models, which will
    never have one, are left out by the caller. A pair has as many models as the smaller population; what is beyond
    waits for its partner. For the only look there will be, `verdicts` needs fewer models. Raises DsxError if a
    population is no sequence of numbers.
    """
    check_level(level)
    check_margin(margin)
    ordered = {name: _in_order(values, name) for name, values in populations.items()}
    tracks = [track((a, b, ERROR_NAME), ordered[a], ordered[b], margin) for a, b in itertools.combinations(ordered, 2)]
    return decide_tracks(tracks, level, margin)


@dataclass(frozen=True, eq=False)
class Track:
    """A comparison as it stands, with its p-values after each look at so many models of each."""

    comparison: Comparison
    # pvalue, equivalence_pvalue: (n,) after 1 … n models of each, never rising; the latter NaN without a margin
    pvalue: Floats
    equivalence_pvalue: Floats
    # (n,) whether the first p-value speaks for a, until then; empty where it speaks for neither
    for_a: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))

    def at(self, look: int) -> tuple[float, float]:
        """What was known after `look` models of each, or all there are: p-value, and that of equivalence."""
        last = min(look, self.pvalue.size) - 1
        return (1.0, 1.0) if last < 0 else (float(self.pvalue[last]), float(self.equivalence_pvalue[last]))


def track(
    names: tuple[str, str, str],
    a: Floats,
    b: Floats,
    margin: Margin | None = None,
    looks: npt.NDArray[np.int64] | None = None,
) -> Track:
    """The comparison of pairs in order by bets on ranks. names: a, b and the measure.

    a, b: errors in order; the i-th of one is paired with the i-th of the other, and those without a partner wait.
    looks: (n,) ascending, at which look, of so many models of each, a pair was complete; by default the i-th at the
    i-th.
    """
    n = min(a.size, b.size)
    pair = _Pair(names, a.size, b.size, a[:n], b[:n], sequential_evidence(a[:n], b[:n], margin))
    comparison = _comparison(pair)
    highest_a, highest_b = (np.maximum.accumulate(e) for e in (pair.evidence.a_better, pair.evidence.b_better))
    for_a = highest_a >= highest_b
    if looks is None:
        return Track(comparison, pair.evidence.pvalue, pair.evidence.equivalence_pvalue, for_a)
    known = np.searchsorted(looks, np.arange(1, int(looks[-1]) + 1 if n else 1), side="right")
    before = math.nan if margin is None else 1.0
    pvalue, equivalence = np.append(1.0, pair.evidence.pvalue), np.append(before, pair.evidence.equivalence_pvalue)
    return Track(comparison, pvalue[known], equivalence[known], np.append(True, for_a)[known])


def decide_tracks(tracks: Sequence[Track], level: float, margin: Margin | None) -> tuple[Verdict, ...]:
    """The decisions on comparisons that are made together, at any look, each with the look at which it first stood."""
    final = decide([each.comparison for each in tracks], level, margin)
    weights = [each.comparison.weight for each in tracks]
    known: dict[int, tuple[list[float], list[float]]] = {}

    def adjusted(look: int) -> tuple[list[float], list[float]]:
        if look not in known:
            pvalues, equivalence = zip(*(each.at(look) for each in tracks), strict=True)
            known[look] = step_down(pvalues, None if margin is None else equivalence, weights)
        return known[look]

    last = max((each.pvalue.size for each in tracks), default=0)

    def first(index: int, which: int) -> int:
        """The look at which that p-value was first small enough; they never rise, so it is found by halving."""
        return bisect.bisect_left(range(last + 1), True, key=lambda look: adjusted(look)[which][index] <= 1 - level)

    def as_first_decided(index: int, verdict: Verdict) -> Verdict:
        """The direction is the one that was shown first: later evidence for the other takes nothing back."""
        decision, direction = verdict.decision, verdict.direction
        if direction is not None:
            each = tracks[index]
            direction = "a" if each.for_a[min(first(index, 0), each.for_a.size) - 1] else "b"
        if decision in ("a better", "b better"):
            decision = "a better" if direction == "a" else "b better"
        look = None if decision == "undecided" else first(index, 1 if decision == "equivalent" else 0)
        return dataclasses.replace(verdict, looks="any", decision=decision, direction=direction, decided_at=look)

    return tuple(as_first_decided(index, verdict) for index, verdict in enumerate(final))


@lru_cache(maxsize=256)
def smallest_sequential_n(alpha: float) -> int:
    """The fewest pairs after which a sequential p-value can be ≤ alpha: every model of one below all of the other."""
    n = 64
    while _least_pvalues(n)[-1] > alpha:
        n *= 2
    return int(np.argmax(_least_pvalues(n) <= alpha)) + 1


def _least_pvalues(n: int) -> Floats:
    """The smallest p-values that 1, 2 … n pairs can reach: each new pair further apart than all before."""
    before = 2 * np.arange(n)
    furthest = RankBets((before + 1) / (before + 2), np.zeros(n))
    return np.minimum(1, 2 * np.exp(-log_wealth(furthest)))


def _in_order(errors: Errors, name: str) -> Floats:
    """The errors up to the first model without one."""
    if is_table(errors):
        return as_sample(errors, name)
    values = number_array(errors, name)
    if np.isinf(values).any():
        raise DsxError(f"{name}: infinite values: errors are percent; NaN stands for a model that has none yet")
    missing = np.flatnonzero(np.isnan(values))
    return values[: missing[0]] if missing.size else values


@dataclass(frozen=True, eq=False)
class _Pair:
    """names: a, b and the measure. n_a, n_b: models there are. a, b: (n,) those that have a partner."""

    names: tuple[str, str, str]
    n_a: int
    n_b: int
    a: Floats
    b: Floats
    evidence: Evidence


def sequential_evidence(a: Floats, b: Floats, margin: Margin | None = None) -> Evidence:
    """Evidence that a, or b, has the lower errors, after each pair of models in order.

    a, b: (n,) errors in the populations' order, the i-th of one beside the i-th of the other. The e-values are bets on
    ranks, `rank_bets`: exact where the two distributions are equal; where only the probability of superiority is one
    half they hold in the limit. Equivalence as a probability is exact whatever the distributions.
    """
    bets = rank_bets(a, b)
    for_a, for_b = log_wealth(bets), log_wealth(bets.mirrored())
    highest = np.maximum.accumulate(np.maximum(for_a, for_b))
    pvalue = np.minimum(1.0, 2 * np.exp(-highest))
    equivalence = np.full(a.size, math.nan) if margin is None else _equivalence(a, b, margin)
    return Evidence(_e_value(for_a), _e_value(for_b), pvalue, equivalence)


def _equivalence(a: Floats, b: Floats, margin: Margin) -> Floats:
    """p-values of "a and b differ by the margin or more": both directions have to be given up, each at its own time."""
    if margin.unit == "points":
        sides = [log_wealth(rank_bets(a, b + margin.value)), log_wealth(rank_bets(b, a + margin.value))]
    else:
        wins, ties, losses = (np.cumsum(c, dtype=np.float64) for c in (a < b, a == b, a > b))
        least = 0.5 - margin.value
        sides = [log_wealth_of_counts(wins, ties, losses, least), log_wealth_of_counts(losses, ties, wins, least)]
    highest = np.minimum(*(np.maximum.accumulate(side) for side in sides))
    return np.minimum(1.0, np.exp(-highest))


def _e_value(log: Floats) -> Floats:
    return np.exp(np.minimum(log, 700.0))


def _comparison(pair: _Pair) -> Comparison:
    n = pair.a.size
    pvalue, equivalence = (float(p[-1]) if n else 1.0 for p in (pair.evidence.pvalue, pair.evidence.equivalence_pvalue))
    chance = 0.5
    ahead: Literal["a", "b"] = "a"
    if n:
        chance = superiority(pair.a, pair.b)[0]
        ahead = "a" if pair.evidence.a_better.max() >= pair.evidence.b_better.max() else "b"

    def interval(level: float) -> tuple[float, float]:
        """Of the pairs in order; it holds the estimate from all pairs of models, which is the sharper."""
        low, high = superiority_sequence(pair.a, pair.b, level)
        return min(low, chance), max(high, chance)

    return Comparison(
        *pair.names, pair.n_a, pair.n_b, chance, pvalue, equivalence, ahead,
        float(_least_pvalues(max(1, n))[-1]), smallest_sequential_n, interval, "betting",
    )  # fmt: skip

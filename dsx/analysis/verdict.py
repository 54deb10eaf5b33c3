"""The one procedure that decides between populations: a better, b better, equivalent, or undecided.

Every pair and every measure of an analysis is one comparison, and all of them together err with probability
at most 1 − level: in calling one better (the direction counts), or in calling two equivalent that are
not. Whatever else an analysis shows describes; it decides nothing.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsx.analysis.number_words import in_points
from dsx.analysis.rank_test import DRAWS, RankTest, smallest_n, smallest_pvalue, sorted_rank_test
from dsx.base.errors import DsxError
from dsx.recipes.metric import ERROR_NAME
from dsx.results.arrays import Floats, check_level
from dsx.results.samples import Errors, as_sample

# neither: neither is better at every error, each is ahead somewhere
Decision = Literal["a better", "b better", "equivalent", "neither", "undecided"]
Looks = Literal["any", "one"]
_MARGIN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*(|pt|pts|point|points)", re.IGNORECASE)


@dataclass(frozen=True)
class Margin:
    """How far apart two populations may be and still count as equivalent.

    unit `probability`: the probability of superiority lies within `value` of one half, 0 < value < ½.
    unit `points`: a model of one, worsened by `value` points of error, is less often better than a
    model of the other; so the median of all differences of two models lies within ± value. value > 0.
    """

    value: float
    unit: Literal["probability", "points"] = "probability"

    def __post_init__(self) -> None:
        if self.unit == "probability" and not 0 < self.value < 0.5:
            raise DsxError(f"margin = {self.value}: as a probability it lies between 0 and 0.5, such as 0.1")
        if self.unit == "points" and not 0 < self.value < math.inf:
            raise DsxError(f"margin = {self.value}: in points of error it is above 0, such as 0.5")

    def __str__(self) -> str:
        return in_points(self.value) if self.unit == "points" else f"{self.value:g} of even odds"


def check_margin(margin: object) -> None:
    """Raises DsxError for a margin that is neither a Margin nor None."""
    if not (margin is None or isinstance(margin, Margin)):
        raise DsxError(f"margin = {margin!r}: expected a Margin, as in Margin(0.1) or parse_margin('1pt')")


def parse_margin(text: str) -> Margin:
    """A margin as it is typed: `0.05`, of the probability of superiority; `1pt`, `0.5 points`, of error.

    Raises DsxError for anything else.
    """
    written = _MARGIN.fullmatch(text.strip())
    if written is None:
        raise DsxError(
            f"margin = {text}: expected a distance from even odds such as 0.05, or points of error such as 1pt"
        )
    return Margin(float(written[1]), "points" if written[2] else "probability")


def check_looks(looks: str) -> Looks:
    """`any` or `one`. Raises DsxError for another word."""
    if looks == "any":
        return "any"
    if looks == "one":
        return "one"
    raise DsxError(
        f"looks = {looks}: expected any (verdicts that hold however often one looks), or one (only if this is the only"
        " look)"
    )


@dataclass(frozen=True)
class Comparison:
    """What is known of one pair by one measure before anything is decided; fields as in `Verdict`.

    ahead: the direction that `pvalue` speaks for. fewest: the smallest p-value that so many models can reach.
    models_needed(p): models of each to reach p.
    interval(level): of the superiority, for this comparison alone. weight: its share of the error allowed, relative to
    the others decided with it. claim: what a small p-value shows, a direction or that each is ahead somewhere.
    """

    a: str
    b: str
    measure: str
    n_a: int
    n_b: int
    superiority: float
    pvalue: float
    equivalence_pvalue: float
    ahead: Literal["a", "b"]
    fewest: float
    models_needed: Callable[[float], int]
    interval: Callable[[float], tuple[float, float]]
    method: str
    weight: float = 1.0
    claim: Literal["direction", "neither"] = "direction"


@dataclass(frozen=True)
class Verdict:
    """What may be said of one pair by one measure, so that all that is said in the analysis holds together.

    superiority: probability that a model of a has the lower error, ties half; low, high: its interval, which
    holds for all comparisons at once (Bonferroni), NaN with a single model. pvalue: that it is one
    half, two-sided; adjusted: corrected for all comparisons (Holm). equivalence_pvalue: that the two differ
    by the margin or more; equivalence_adjusted: corrected with the others; both NaN without a margin.
    decision: what holds at `level`. direction: which is ahead, if that is shown, also within a margin.
    comparisons: pairs × measures. enough: whether so many models could have decided it, had they lain wholly
    apart. models_needed: of each, to be able to. looks: `one` if it holds only where this is the only look
    at these populations, `any` if it holds however often one looks and whenever one stops. decided_at: with
    `any`, the models of each after which the decision stood; None while undecided, and with `one`.
    """

    a: str
    b: str
    measure: str
    n_a: int
    n_b: int
    superiority: float
    low: float
    high: float
    pvalue: float
    adjusted: float
    equivalence_pvalue: float
    equivalence_adjusted: float
    decision: Decision
    direction: Literal["a", "b"] | None
    level: float
    margin: Margin | None
    comparisons: int
    enough: bool
    models_needed: int
    method: str
    looks: Looks = "one"
    decided_at: int | None = None


def verdicts(
    populations: Mapping[str, Errors], level: float = 0.95, margin: Margin | None = None, seed: int = 0
) -> tuple[Verdict, ...]:
    """A verdict on every pair of populations by their error, valid if this is the only look at them.

    populations: name → (n,) percent, NaN left out with a warning, or a results table. margin: for equivalence; without
    one none is claimed. Pairs come in the order of the populations, corrected for all of them together. For looks at
    any time: `sequential_verdicts`. Raises DsxError if a population has no value.
    """
    alpha = 1 - check_level(level)
    check_margin(margin)
    ordered = {name: np.sort(as_sample(values, name)) for name, values in populations.items()}
    pairs = list(itertools.combinations(ordered, 2))
    draws = relabellings(alpha / max(1, len(pairs)))
    compared = [ranked((a, b, ERROR_NAME), ordered[a], ordered[b], margin, seed, draws) for a, b in pairs]
    return decide(compared, level, margin)


def ranked(
    names: tuple[str, str, str], a: Floats, b: Floats, margin: Margin | None = None, seed: int = 0, draws: int = DRAWS
) -> Comparison:
    """One comparison by the rank test. names: a, b and the measure. a, b: (n,) ascending, n ≥ 1."""
    test = sorted_rank_test(a, b, seed, draws)
    equivalence = equivalence_pvalue(test, a, b, margin, seed, draws) if margin else math.nan
    return Comparison(
        *names, test.n_a, test.n_b, test.superiority, test.pvalue, equivalence, "a" if test.superiority > 0.5 else "b",
        smallest_pvalue(min(test.n_a, test.n_b)), smallest_n, test.interval, test.method,
    )  # fmt: skip


def decide(comparisons: Sequence[Comparison], level: float, margin: Margin | None) -> tuple[Verdict, ...]:
    """The decisions on comparisons that are made together, each corrected for all."""
    alpha = 1 - level
    equivalence = None if margin is None else [c.equivalence_pvalue for c in comparisons]
    adjusted, equivalent = step_down(
        [c.pvalue for c in comparisons], equivalence, weights=[c.weight for c in comparisons]
    )
    total = sum(c.weight for c in comparisons)
    left = sum(c.weight for c, p in zip(comparisons, adjusted, strict=True) if p > alpha)
    made = []
    for c, p, p_equivalent in zip(comparisons, adjusted, equivalent, strict=True):
        direction = c.ahead if p <= alpha and c.claim == "direction" else None
        decision: Decision = "undecided"
        if p_equivalent <= alpha:
            decision = "equivalent"
        elif p <= alpha and c.claim == "neither":
            decision = "neither"
        elif direction is not None:
            decision = "a better" if direction == "a" else "b better"
        share = alpha * c.weight / total
        low, high = c.interval(1 - share)
        if direction is None:  # what is undecided is not decided by an interval either
            low, high = min(low, 0.5), max(high, 0.5)
        made.append(
            Verdict(
                c.a, c.b, c.measure, c.n_a, c.n_b, c.superiority, low, high, c.pvalue, p, c.equivalence_pvalue,
                p_equivalent, decision, direction, level, margin, len(comparisons),
                c.fewest * max(left, c.weight) / c.weight <= alpha, c.models_needed(share), c.method,
            )
        )  # fmt: skip
    return tuple(made)


def equivalence_pvalue(
    test: RankTest, a: Floats, b: Floats, margin: Margin, seed: int = 0, draws: int = DRAWS
) -> float:
    """p-value of "a and b differ by the margin or more", two one-sided tests (Schuirmann 1987); a, b sorted.

    In points, each population worsened by the margin is tested against the other as any two are. As a
    probability, by Student's t at the margin; and never below (1 − 2·margin)^n, n models of the smaller: the
    chance that n pairs all tie although the probability of superiority is off by the margin. So models that are
    all equal, or nearly so, claim no more than their number allows.
    """
    if math.isnan(test.standard_error):
        return 1.0
    if margin.unit == "points":
        sides = [sorted_rank_test(a, b + margin.value, seed, draws), sorted_rank_test(b, a + margin.value, seed, draws)]
        return max(s.pvalue / 2 if s.statistic > 0 else 1.0 for s in sides)
    least = (1 - 2 * margin.value) ** min(test.n_a, test.n_b)
    if abs(test.superiority - 0.5) >= margin.value:
        return 1.0
    if test.standard_error == 0:
        return float(least)
    return max(least, test.tail(0.5 - margin.value), 1 - test.tail(0.5 + margin.value))


def step_down(
    pvalues: Sequence[float], equivalence: Sequence[float] | None = None, weights: Sequence[float] | None = None
) -> tuple[list[float], list[float]]:
    """Corrected p-values of m comparisons, and of their equivalence (NaN without), in one family.

    Without equivalence this is Holm's procedure (1979), with his weights if given: each comparison is allowed its
    share of the error, and those that are decided leave theirs to the others. With it a comparison has two hypotheses,
    "no difference" and "a difference of the margin or more", of which at most one is true; so m, not 2m, can be true
    at once, and one fewer only when both hypotheses of a comparison are rejected (Shaffer 1986).
    """
    m = len(pvalues)
    shares = [1.0] * m if weights is None else list(weights)
    tests = [(p / shares[i], i, 0) for i, p in enumerate(pvalues)]
    tests += [(p / shares[i], i, 1) for i, p in enumerate(equivalence or [])]
    corrected = ([math.nan] * m, [math.nan] * m)
    open_tests = [1 if equivalence is None else 2] * m
    possible, reached = math.fsum(shares), 0.0
    for p, i, which in sorted(tests):
        reached = max(reached, min(1.0, p * max(possible, shares[i])))
        corrected[which][i] = reached
        open_tests[i] -= 1
        possible -= shares[i] if open_tests[i] == 0 else 0.0
    return corrected


def relabellings(alpha: float, most: int = 200_000) -> int:
    """Relabellings enough to tell p-values of alpha: ten expected beyond it in each tail, as far as `most` allows."""
    return int(min(max(DRAWS, 20 / alpha), most))

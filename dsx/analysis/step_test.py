"""Whether a narrower space is better than a wider one, or no worse within a margin: the test of one step of a walk.

Models of both sides are drawn after the step was proposed, and looked at a few times, at numbers that were fixed
beforehand. The error that the step is allowed is spent over the looks, so that all together keep it (`spending.py`).
"No worse" is tested before "better" at the same level: whoever is worse by the margin is no better, so whichever
of the two hypotheses is true, only one test can err, and none of the error is split between them (Marcus et al. 1976).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsx.analysis.rank_test import RankTest, sorted_rank_test
from dsx.analysis.spending import nominal_levels, spent_by
from dsx.analysis.verdict import Margin, relabellings
from dsx.results.arrays import Floats

Outcome = Literal["better", "no worse", "undecided"]
# models of each side at each look, and the power of their number by which error is spent: "no worse" is shown late
_BETTER: tuple[Sequence[int], float] = ((16, 32, 48, 64, 96), 1.0)
_NO_WORSE: tuple[Sequence[int], float] = ((24, 48, 64, 96, 128, 160), 2.0)
# looks at fewer models more than the one before are put off to it
_CLOSE = 12
# relabellings of a test, at most
_MOST_DRAWS = 50_000
# a step is given up where the last look would not show it even if the truth were so many standard errors better than
# what is seen; for one that is to be no worse, which good ones show only just
_HOPE_BETTER, _HOPE_NO_WORSE = 1.0, 2.0


@dataclass(frozen=True)
class LookSchedule:
    """At how many models of each side one looks, ascending, and what each look may err by, as a share of the error.

    The shares of looks that have models in common may add up to more than 1 (`spending.py`).
    """

    models: tuple[int, ...]
    shares: tuple[float, ...]

    def level_of(self, look: int, alpha: float) -> float:
        """What that look (from 0) may err by."""
        return alpha * self.shares[look]


@dataclass(frozen=True)
class Look:
    """One look."""

    narrow: int  # narrow, wide: models with an error on both sides
    wide: int
    chance: float  # that one of the narrower space has the lower
    low: float
    high: float
    # better, no_worse: one-sided p-values of "not better" and of "worse by the margin or more"; 1 where not asked
    better: float
    no_worse: float
    allowed: float  # p-values up to that decide
    outcome: Outcome  # what is decided
    hopeless: bool = False  # whether further looks are in vain


def look_at(
    narrow: Floats, wide: Floats, looks: LookSchedule, look: int, alpha: float, margin: Margin | None = None
) -> Look:
    """What the errors of both sides say at one look. narrow, wide: (n,) percent. margin: None: only better counts."""
    allowed = looks.level_of(look, alpha)
    if min(narrow.size, wide.size) < 2:
        return Look(narrow.size, wide.size, math.nan, math.nan, math.nan, 1.0, 1.0, allowed, "undecided")
    a, b = np.sort(narrow), np.sort(wide)
    draws = relabellings(allowed, _MOST_DRAWS)
    test = sorted_rank_test(a, b, draws=draws)
    better = one_sided(test)
    no_worse = 1.0 if margin is None else no_worse_pvalue(test, a, b, margin, draws)
    outcome: Outcome = "undecided"
    if better <= allowed:
        outcome = "better"
    elif no_worse <= allowed:
        outcome = "no worse"
    low, high = test.interval(0.95)
    last = looks.models[-1]
    hopeless = outcome == "undecided" and not _within_reach(
        test, last, looks.level_of(len(looks.models) - 1, alpha), margin
    )
    return Look(a.size, b.size, test.superiority, low, high, better, no_worse, allowed, outcome, hopeless)


def one_sided(test: RankTest) -> float:
    """p-value of "a model of a is not more often better than one of b"."""
    return test.pvalue / 2 if test.superiority > 0.5 else 1 - test.pvalue / 2


def no_worse_pvalue(test: RankTest, a: Floats, b: Floats, margin: Margin, draws: int) -> float:
    """p-value of "a is worse than b by the margin or more"; a, b sorted, `test` of them.

    As a probability never below (1 − 2·margin)^n, as `equivalence_pvalue` has it.
    """
    if margin.unit == "points":
        return one_sided(sorted_rank_test(a, b + margin.value, draws=draws))
    least = (1 - 2 * margin.value) ** min(test.n_a, test.n_b)
    if test.superiority <= 0.5 - margin.value:
        return 1.0
    if test.superiority in (0.0, 1.0) or not test.standard_error > 0:
        return float(least)
    return float(max(least, test.tail(0.5 - margin.value)))


def widened(margin: Margin, share: float) -> Margin:
    """The margin between models that keep a rule and those that do not, where it is meant between those and all models.

    share: of all models that keep it. Of all models that share is as those that keep it, so the distance from even
    odds is 1/(1 − share) times as large among the rest. In points nothing changes, which is on the safe side.
    """
    if margin.unit == "points":
        return margin
    return Margin(min(margin.value / (1 - min(share, 0.9)), 0.45))


def error_left(level: float, failed: Iterable[float]) -> float:
    """What further steps of a walk may err by, each by any part of it that is chosen before its models are drawn.

    failed: what steps were allowed that were tested and not taken. A step that is taken costs nothing: either it is a
    good one, or the walk has erred already. A bad one that is tested and not taken uses up what it was allowed. So all
    bad ones before the first error were allowed at most 1 − level together, whatever the parts.
    """
    left = 1 - level
    for error in failed:  # one after the other: a sum, taken away at once, might leave less than nothing
        left -= error
    return left


def looks_within(most: int, simpler: bool) -> tuple[int, ...]:
    """Models of each side at each look of a step for which up to `most` may be trained; empty if that is too few.

    simpler: whether the step is also taken if it is no worse, which takes more models to show.
    """
    ladder, _ = _NO_WORSE if simpler else _BETTER
    models = [n for n in ladder if n <= most]
    if models and models[-1] < min(most, ladder[-1]):
        models[-1 if most - models[-1] < _CLOSE and len(models) > 1 else len(models) :] = [most]
    return tuple(models)


def schedule(models: tuple[int, ...], simpler: bool, error: float) -> LookSchedule:
    """Looks at so many models of each side, that together err by `error`."""
    _, power = _NO_WORSE if simpler else _BETTER
    levels = nominal_levels(models, spent_by(models, error, power))
    return LookSchedule(models, tuple((levels / error).tolist()))


def _within_reach(test: RankTest, last: int, allowed: float, margin: Margin | None) -> bool:
    """Whether the last look could still decide, were the chance better than it is seen by as much as is hoped for."""
    from scipy.special import ndtri

    if not test.standard_error > 0:
        return test.superiority >= 0.5
    if margin is not None and margin.unit == "points":
        return True
    bar, hope = (0.5, _HOPE_BETTER) if margin is None else (0.5 - margin.value, _HOPE_NO_WORSE)
    shrunk = test.standard_error * math.sqrt(min(test.n_a, test.n_b) / last)
    return test.superiority + hope * test.standard_error - bar > -float(ndtri(allowed)) * shrunk

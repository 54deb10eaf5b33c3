"""Tests of the papers' findings, each stated before the numbers: what agrees with a finding, what contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dsx import analysis
from dsx.analysis.verdict import Verdict
from dsx.results.states import finished
from dsx.results.structure import Stages, block_widths_of

# models of a space below which its best ranges say nothing
_FEWEST = 8
AGREES, CONTRADICTS, UNDECIDED, UNTESTED = "agrees", "contradicts", "undecided", "not tested"


@dataclass(frozen=True)
class Evidence:
    """One reference study. tables: the paper's name of a space → results with structure, a row per run, as drawn.

    width_scale, depth_scale: by which widths and a stage's depths are smaller than the paper's.
    """

    title: str
    tables: Mapping[str, pd.DataFrame]
    verdicts: Mapping[tuple[str, str], Verdict]
    width_scale: int
    depth_scale: int

    def models(self, space: str) -> pd.DataFrame:
        """The models of a space that count; none where it is not part of the study."""
        return finished(self.tables[space]) if space in self.tables else pd.DataFrame()


@dataclass(frozen=True)
class Outcome:
    """What one study shows of a finding: the number with its interval, and whether it agrees."""

    told: str
    verdict: str


def better(first: str, second: str) -> Callable[[Evidence], Outcome]:
    """Agrees if the first is better, contradicts if the second is."""

    def test(evidence: Evidence) -> Outcome:
        told, decision = _compared(evidence, first, second)
        return Outcome(told, {"first": AGREES, "second": CONTRADICTS, "": UNTESTED}.get(decision, UNDECIDED))

    return test


def costs_nothing(narrower: str, wider: str) -> Callable[[Evidence], Outcome]:
    """Agrees if both are equivalent within the margin or the narrower is better, contradicts if the wider is better."""

    def test(evidence: Evidence) -> Outcome:
        told, decision = _compared(evidence, narrower, wider)
        verdict = {"first": AGREES, "equivalent": AGREES, "second": CONTRADICTS, "": UNTESTED}.get(decision, UNDECIDED)
        return Outcome(told, verdict)

    return test


def _compared(evidence: Evidence, first: str, second: str) -> tuple[str, str]:
    """P(a model of the first beats one of the second) with its interval; first, second, equivalent, undecided or ``."""
    verdict = evidence.verdicts.get((first, second)) or evidence.verdicts.get((second, first))
    if verdict is None or np.isnan(verdict.superiority):
        return "–", ""
    chance, low, high = verdict.superiority, verdict.low, verdict.high
    decision = {"a better": "first", "b better": "second"}.get(verdict.decision, verdict.decision)
    if verdict.a != first:
        chance, low, high = 1 - chance, 1 - high, 1 - low
        decision = {"first": "second", "second": "first"}.get(decision, decision)
    return f"P = {chance:.2f} ({low:.2f}–{high:.2f})", decision


def best_within(
    space: str, column: str, low: float, high: float, scale: Callable[[Evidence], float] | None = None
) -> Callable[[Evidence], Outcome]:
    """Agrees if the best range lies within [low, high] (divided by the scale), contradicts if it lies outside."""

    def test(evidence: Evidence) -> Outcome:
        models = evidence.models(space)
        if len(models) < _FEWEST:
            return Outcome("–", UNTESTED)
        least, middle, most = analysis.best_range(models[column], models["error"])
        divisor = scale(evidence) if scale else 1
        bottom, top = low / divisor, high / divisor
        inside, outside = bottom <= least and most <= top, most < bottom or least > top
        verdict = AGREES if inside else CONTRADICTS if outside else UNDECIDED
        of = "" if divisor == 1 else f", of {bottom:g}–{top:g}"
        return Outcome(f"best {middle:g} ({least:g}–{most:g}{of})", verdict)

    return test


def good_models_are_linear(evidence: Evidence) -> Outcome:
    """Agrees if error rises with the error of the quantised-linear fit (rank correlation), contradicts if it falls."""
    models = evidence.models("AnyNetXC")
    if len(models) < _FEWEST:
        return Outcome("–", UNTESTED)
    fits = _fit_errors(models["stages"], evidence)
    known = np.isfinite(fits)
    rho = analysis.rank_correlation(fits[known], models["error"].to_numpy(float)[known])
    verdict = AGREES if rho.low > 0 else CONTRADICTS if rho.high < 0 else UNDECIDED
    return Outcome(f"ρ = {rho.correlation:.2f} ({rho.low:.2f} to {rho.high:.2f})".replace("-", "−"), verdict)


def spaces_are_ever_more_linear(evidence: Evidence) -> Outcome:
    """Agrees if the largest error of the quantised-linear fit falls from C to D to E."""
    largest = []
    for space in ("AnyNetXC", "AnyNetXD", "AnyNetXE"):
        table = evidence.tables.get(space)
        stages = () if table is None else table.drop_duplicates("model_id")["stages"]
        largest.append(float(np.nanmax(_fit_errors(stages, evidence), initial=0)))
    told = ", ".join(f"{value:.2f}" for value in largest)
    return Outcome(told, AGREES if largest[0] > largest[1] > largest[2] else CONTRADICTS)


def _fit_errors(stages: Iterable[Stages], evidence: Evidence) -> np.ndarray:
    """(n,) e_fit of networks, their widths as wide as the paper's: the fit's grid is made for those."""
    widths = [np.array(block_widths_of(rows)) * evidence.width_scale for rows in stages]
    return analysis.linear_fit_table(widths)["error"].to_numpy(float)


def fewer_models_find_a_good_one(evidence: Evidence) -> Outcome:
    """Agrees if the expected lowest error of 16 models of RegNetX is below that of AnyNetXA, contradicts if above."""
    populations = [evidence.models(space) for space in ("RegNetX", "AnyNetXA")]
    if min(map(len, populations)) < 16:
        return Outcome("–", UNTESTED)
    ours, other = (analysis.best_of_k(models["error"], [16]) for models in populations)
    (regnet, low, high), (anynet, low_a, high_a) = (
        (float(curve.expected[0]), float(curve.low[0]), float(curve.high[0])) for curve in (ours, other)
    )
    verdict = AGREES if high < low_a else CONTRADICTS if low > high_a else UNDECIDED
    return Outcome(f"{regnet:.2f} ({low:.2f}–{high:.2f}) % against {anynet:.2f} ({low_a:.2f}–{high_a:.2f}) %", verdict)


def few_models_decide(evidence: Evidence) -> Outcome:
    """Agrees if any pair of spaces is decided at any look with at most 100 models of each."""
    decided = [v.decided_at for v in evidence.verdicts.values() if v.direction and v.decided_at]
    if not decided:
        return Outcome(f"none of {len(evidence.verdicts)} pairs yet", UNDECIDED)
    told = f"{len(decided)} of {len(evidence.verdicts)} pairs, the first after {min(decided)}"
    return Outcome(told, AGREES if min(decided) <= 100 else UNDECIDED)

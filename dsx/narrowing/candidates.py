"""One way to narrow a space: the rule in words, what changes in the definition, and what speaks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from dsx.analysis.narrow import RIVAL_LEVEL, Judgement
from dsx.analysis.number_words import number
from dsx.analysis.scan import End
from dsx.analysis.superiority import superiority
from dsx.base.text import plural
from dsx.narrowing.quantities import Quantity, quantities, quantity_table
from dsx.recipes.metric import ERROR, Metric
from dsx.spaces.cardinality import cardinality
from dsx.spaces.conditional import Columns
from dsx.spaces.definition import Space
from dsx.spaces.distributions import Choice
from dsx.spaces.files import merge

CandidateKind = Literal["range", "order", "derived", "stage", "sharing"]


class Looks(NamedTuple):
    """How many quantities were looked at in one go, and at what level."""

    number: int
    level: float


@dataclass(frozen=True)
class RuleEvidence:
    """What the models say of a rule. Sharing has no p-value: its cost is held against a margin."""

    kept: int  # kept, dropped: models on both sides of it
    dropped: int
    chance: float  # that a model which keeps it (of sharing: one as they are) has the lower error, ties half
    pvalue: float  # corrected for `looks`; NaN of sharing
    looks: int
    supported: bool  # whether the rule passed
    side: str  # the models on both sides, in words; of sharing all that is said
    tested: str = ""  # what decided, in words
    medians: tuple[float, float] | None = None  # errors of the models that keep it, and of the others

    @property
    def words(self) -> str:
        """All this in a sentence."""
        return self.words_by(ERROR)

    def words_by(self, metric: Metric) -> str:
        """The sentence, of the metric of which the errors are."""
        if self.medians is None:
            return self.side
        kept, dropped = (number(metric.from_error(median), 2) for median in self.medians)
        return (
            f"{self.side}: median {metric.words} {kept} against {dropped}{metric.unit_after}, the {metric.better}"
            f" {metric.words} in {100 * self.chance:.0f} % of pairs; {self.tested}."
        )


@dataclass(frozen=True)
class Candidate:
    """A rule that might narrow a space."""

    parameter: str
    kind: CandidateKind
    words: str  # the rule
    change: dict[str, Any]  # what the definition says then, to be merged over the old
    evidence: RuleEvidence
    freedom: int = 0  # degrees of freedom that it removes
    # quantity, end, bound: models keep it whose quantity is at least (end low) or at most (end high) the bound
    quantity: str = ""
    end: End = "low"
    bound: float = math.nan
    # where the models on both sides of the rule were told apart: the bound, but for an order, which few models keep
    # wholly, a share of steps
    cut: float = math.nan
    limit: float = math.nan  # of the quantity at its other end, within which the rule was judged; NaN: none

    def keeps(self, space: Space, table: Columns) -> np.ndarray:
        """(n,) bool: which models of the space, by the columns of their settings, keep the rule."""
        if self.kind == "sharing":
            values = stage_values(space, self.parameter, table)
            return np.nanmax(values, axis=1) == np.nanmin(values, axis=1)
        listed = [q for q in quantities(space) if q.name == self.quantity]
        values = quantity_table(space, table, listed)[:, 0]
        return values >= self.bound if self.end == "low" else values <= self.bound


def narrowed(space: Space, *candidates: Candidate) -> Space:
    """The space with these rules. Raises DefinitionError if they cannot hold together."""
    return changed(space, *(candidate.change for candidate in candidates))


def changed(space: Space, *changes: Mapping[str, object]) -> Space:
    """The space with these changes merged over its definition."""
    definition = written(space)
    for change in changes:
        definition = merge(definition, change)
    return Space.from_dict(definition, space.name)


def written(space: Space) -> dict[str, Any]:
    """The definition with the keys that a file has."""
    definition = space.to_dict()
    for name, parameter in definition["parameters"].items():
        names = {"values_": "values"}
        definition["parameters"][name] = {names.get(key, key): value for key, value in parameter.items()}
    return definition


def stage_values(space: Space, name: str, table: Columns) -> np.ndarray:
    """(n, stages) values of a parameter that varies by stage."""
    return np.stack([np.asarray(table[f"{name}_{i + 1}"], dtype=float) for i in range(space.max_stages)], axis=1)


def bounded(
    space: Space, quantity: Quantity, judgement: Judgement, values: np.ndarray, errors: np.ndarray, looks: Looks,
    rival: str,
) -> Candidate:  # fmt: skip
    """The candidate that a judgement speaks of. values, errors: (n,) of the models that were judged."""
    end = judgement.side.end
    free = bool(quantity.text) or space.parameters[quantity.parameter].continuous
    bound = _bound(values, judgement.kept, end, free)
    inside = values[judgement.judged]
    limited = not judgement.judged.all()
    limit = (float(inside.max()) if end == "low" else float(inside.min())) if limited else math.nan
    change, rule = _change(space, quantity, end, bound)
    evidence = _evidence(quantity, judgement, errors, looks, rival, (bound, limit))
    freedom = cardinality(space).degrees_of_freedom - cardinality(changed(space, change)).degrees_of_freedom
    return Candidate(
        quantity.parameter, quantity.kind, rule, change, evidence, freedom, quantity.name, end,
        1.0 if quantity.kind == "order" else bound, bound, limit,
    )  # fmt: skip


def _bound(values: np.ndarray, kept: np.ndarray, end: End, free: bool) -> float:
    """The last value kept; of free numbers (no steps), the shortest between it and the first that is not kept."""
    edge = float(values[kept].min() if end == "low" else values[kept].max())
    outside = values[~kept & np.isfinite(values)]
    next_out = float(outside.max() if end == "low" else outside.min())
    if edge.is_integer() or not free:
        return edge
    for digits in range(1, 8):
        short = float(f"{(edge + next_out) / 2:.{digits}g}")
        if min(edge, next_out) < short < max(edge, next_out):
            return short
    return edge


def _change(space: Space, quantity: Quantity, end: End, bound: float) -> tuple[dict[str, object], str]:
    """The change of the definition and the rule in words."""
    name = quantity.parameter
    if quantity.kind == "order":
        order, shown = ("non_decreasing", "never decrease") if quantity.rising else ("non_increasing", "never increase")
        return {"rules": {name: order}}, f"{name}: values {shown} from stage to stage"
    least = end == "low"
    shown = f"{quantity.name}: {'at least' if least else 'at most'} {bound:.10g}"
    if quantity.text:
        key = f"{'least' if least else 'most'}_{quantity.name.replace(' ', '_')}"
        return {"rules": {key: f"{quantity.text} {'>=' if least else '<='} {bound:.10g}"}}, shown
    change, shown = _range_change(space.parameters[name], end, bound)
    return {"parameters": {name: change}}, f"{name}: {shown}"


def _range_change(parameter: Any, end: End, bound: float) -> tuple[dict[str, object], str]:
    """What of a parameter's distribution changes where an end is cut, and in words."""
    least = end == "low"
    if not parameter.continuous:
        allowed = [v for v in parameter.values.tolist() if (v >= bound if least else v <= bound)]
        if len(allowed) == 1:
            return {"distribution": "fixed", "value": allowed[0], "per": parameter.per}, f"always {allowed[0]:g}"
    if isinstance(parameter, Choice):
        weights = dict(zip(parameter.values_, parameter.weights or (), strict=False))
        listed = [v for v in parameter.values_ if v in allowed]
        change: dict[str, object] = {"values": listed}
        if weights:
            change["weights"] = [weights[v] for v in listed]
        return change, f"{'at least' if least else 'at most'} {bound:.10g}"
    ends = {"low": parameter.low, "high": parameter.high}
    ends[end] = int(bound) if isinstance(ends[end], int) and bound.is_integer() else bound
    shown = f"{ends['low']:g} to {ends['high']:g} instead of {parameter.low:g} to {parameter.high:g}"
    return {end: ends[end]}, shown


def _evidence(
    quantity: Quantity, judgement: Judgement, errors: np.ndarray, looks: Looks, rival: str, ends: tuple[float, float]
) -> RuleEvidence:
    """What decided, in numbers and in a sentence. ends: where the quantity was cut, and the limit at its other end."""
    cut, limit = ends
    kept, dropped = errors[judgement.kept & judgement.judged], errors[~judgement.kept & judgement.judged]
    low = judgement.side.end == "low"
    among = ""
    if math.isfinite(limit):
        among = f" (among those with {quantity.name} {'≤' if low else '≥'} {limit:.6g})"
    side = f"{len(kept)} models keep it, {len(dropped)} do not{among}"
    if quantity.kind == "order":
        side = f"{len(kept)} models have at least {100 * cut:.0f} % of their steps that way, {len(dropped)} do not"
    tested = f"p = {judgement.pvalue:.2g} after correction for {plural(looks.number, 'look')}"
    if rival:
        tested += f", {judgement.rival_pvalue:.2g} given {rival}, which explains it best"
        if judgement.explained:
            tested += f" (above {RIVAL_LEVEL:g}: it may be that alone)"
    counts, chance, medians = (len(kept), len(dropped)), superiority(kept, dropped)[0], medians_of(kept, dropped)
    passed = judgement.supported(looks.level)
    return RuleEvidence(*counts, chance, judgement.pvalue, looks.number, passed, side, tested, medians)


def medians_of(kept: np.ndarray, dropped: np.ndarray) -> tuple[float, float]:
    """Of the errors of the models that keep a rule, and of the others."""
    return float(np.median(kept)), float(np.median(dropped))

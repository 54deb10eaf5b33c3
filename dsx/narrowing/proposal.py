"""Rules that might narrow a space, judged by its models: one round, or one rule after the other.

`propose` looks at everything once and is what a round of a longer walk calls; `narrow_forwards` takes the best, judges
all others again among the models that keep it, and so on; `judge_afresh` judges a rule on models that had no part in
proposing it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsx.analysis.narrow import Judgement, Side, judge
from dsx.analysis.number_words import number
from dsx.analysis.scan import End
from dsx.analysis.sharing import LEAST as LEAST_SHARING
from dsx.analysis.sharing import MARGIN, sharing_cost
from dsx.analysis.superiority import superiority
from dsx.base.errors import DsxError, suggest
from dsx.base.text import plural
from dsx.narrowing.candidates import (
    Candidate,
    Looks,
    RuleEvidence,
    bounded,
    changed,
    medians_of,
    narrowed,
    stage_values,
)
from dsx.narrowing.quantities import Quantity, quantities, quantity_table
from dsx.results.arrays import Table, check_level
from dsx.results.states import finished
from dsx.spaces.cardinality import cardinality
from dsx.spaces.definition import Space, as_space
from dsx.spaces.distributions import SameAs
from dsx.spaces.sampling import draw_population

# fewer models than this show nothing that could be trusted
LEAST = 12
# models drawn, never trained, by which quantities are drawn anew; fewer serve where a rule was already taken
REFERENCE, ENOUGH = 4000, 1000
_REFERENCE_SEED = 1 << 40


@dataclass(frozen=True)
class NarrowingStep:
    """One judgement of everything. space: before the rule. models: those judged. candidates: all, the supported ones
    first. taken: the rule that was taken then, None at the last step."""

    space: Space
    models: int
    candidates: tuple[Candidate, ...]
    taken: Candidate | None


def propose(
    space: Space | str | Path,
    table: Table,
    parameters: Sequence[str] = (),
    level: float = 0.95,
    seed: int = 0,
    accepted: Collection[tuple[str, End]] = (),
    reference: np.ndarray | None = None,
) -> list[Candidate]:
    """Every way in which the space might be narrowed, the supported ones first, the clearest of them at the top.

    space: also by name or file. table: results of a population of it. parameters: those to look at; none: all.
    accepted: (quantity, end) of rules taken before, which are not proposed again; the other ends of these quantities
    share half of the error that is allowed. reference: (m, quantities) of models of the space's law; drawn if None. A
    function of its arguments.
    Raises DsxError if a parameter is unknown or fewer than 12 models have finished.
    """
    check_level(level)
    space, rows = as_space(space), finished(table)
    if len(rows) < LEAST:
        raise DsxError(f"narrow: {len(rows)} finished models: at least {LEAST} are needed to see what the best share")
    listed = quantities(space)
    looked_at = _looked_at(space, listed, parameters)
    if reference is None:
        reference = reference_table(space, listed, seed)
    values, errors = quantity_table(space, rows, listed), rows["error"].to_numpy(float)
    again = {quantity for quantity, _ in accepted}
    sides = [
        Side(k, end, q.limited, favoured=q.name in again)
        for k, q in enumerate(listed) for end in q.ends
        if (q.name, end) not in accepted and q.parameter in looked_at
    ]  # fmt: skip
    judgements = judge(values, errors, reference, sides, level, seed) if sides else []
    looks = Looks(len({j.side.column for j in judgements}), level)
    made = [
        (j, bounded(space, listed[j.side.column], j, values[:, j.side.column], errors, looks,
                    listed[j.rival].name if j.rival >= 0 else ""))
        for j in judgements
    ]  # fmt: skip
    made.sort(key=lambda pair: _standing(*pair))
    ends = [candidate for _, candidate in made]
    shared = _sharing(space, rows, errors, looked_at, level)
    return sorted([*ends, *shared], key=lambda c: not c.evidence.supported)


def _standing(judgement: Judgement, candidate: Candidate) -> tuple[bool, float, float]:
    """Supported ones by how far they stand out given what explains them best; the others by their p-value."""
    supported = candidate.evidence.supported
    return not supported, -judgement.distance if supported else judgement.pvalue, judgement.pvalue


def narrow_forwards(
    space: Space | str | Path,
    table: Table,
    parameters: Sequence[str] = (),
    level: float = 0.95,
    seed: int = 0,
    reference: np.ndarray | None = None,
) -> list[NarrowingStep]:
    """Rules taken one after the other, each judged among the models that keep the earlier ones.

    The last step has no rule, and holds what was not supported; sharing, which is to cost nothing rather than to help,
    is taken after all others. Ends early where fewer than 12 models are left. Arguments and errors: as of `propose`.
    """
    space = as_space(space)
    listed = quantities(space)
    reference = reference_table(space, listed, seed) if reference is None else reference
    rows = finished(table)
    accepted: list[tuple[str, End]] = []
    steps: list[NarrowingStep] = []
    while True:
        # each step has half of the error of the one before, so that all after the first add up to no more than its own
        step_level = 1 - (1 - level) / 2 ** len(steps)
        proposed = propose(space, rows, parameters, step_level, seed + len(steps), accepted, reference)
        best = next((c for c in proposed if c.evidence.supported and c.kind != "sharing"), None)
        if best is None:
            shared = [c for c in proposed if c.evidence.supported]
            return [*steps, *_shared_steps(space, rows, proposed, shared)]
        steps.append(NarrowingStep(space, len(rows), tuple(proposed), best))
        accepted.append((best.quantity, best.end))
        column = [q.name for q in listed].index(best.quantity)
        kept = reference[:, column]
        reference = reference[kept >= best.bound if best.end == "low" else kept <= best.bound]
        rows = rows[best.keeps(space, rows)]
        space = narrowed(space, best)
        if len(rows) < LEAST:
            return [*steps, NarrowingStep(space, len(rows), (), None)]
        after = quantities(space)
        if len(reference) < ENOUGH or [q.name for q in after] != [q.name for q in listed]:
            listed, reference = after, reference_table(space, after, seed + len(steps))


def _shared_steps(space: Space, rows: Table, proposed: list[Candidate], shared: list[Candidate]) -> list[NarrowingStep]:
    steps = []
    for candidate in shared:
        steps.append(NarrowingStep(space, len(rows), tuple(proposed), candidate))
        space = narrowed(space, candidate)
    return [*steps, NarrowingStep(space, len(rows), tuple(c for c in proposed if c not in shared), None)]


def judge_afresh(candidate: Candidate, space: Space, table: Table, level: float = 0.95) -> RuleEvidence:
    """The rule, judged by finished models of the space that had no part in proposing it: one look, nothing corrected.

    Those that keep it are held against those that do not, at the cut and within the limit that it was proposed with, by
    Brunner and Munzel's one-sided test; sharing by its cost. Raises DsxError if fewer than 2 models are on either side.
    """
    rows = finished(table)
    errors = rows["error"].to_numpy(float)
    if candidate.kind == "sharing":
        shared = _sharing(space, rows, errors, {candidate.parameter}, level)
        if not shared:
            raise DsxError(f"{candidate.words}: these models do not differ in how many values they have")
        return shared[0].evidence
    listed = [q for q in quantities(space) if q.name == candidate.quantity]
    values = quantity_table(space, rows, listed)[:, 0]
    low = candidate.end == "low"
    within = np.ones(len(values), dtype=bool)
    if math.isfinite(candidate.limit):
        within = values <= candidate.limit if low else values >= candidate.limit
    keeps = values >= candidate.cut if low else values <= candidate.cut
    kept, dropped = errors[within & keeps], errors[within & ~keeps]
    if min(len(kept), len(dropped)) < 2:
        raise DsxError(
            f"{candidate.words}: {plural(len(kept), 'model')} keep it and {len(dropped)} do not: at least 2 of each are"
            " needed to test it"
        )
    chance = superiority(kept, dropped)[0]
    pvalue = _lower_pvalue(kept, dropped, chance)
    side = (
        "keep it" if candidate.kind != "order" else f"have at least {100 * candidate.cut:.0f} % of their steps that way"
    )
    side = f"{len(kept)} fresh models {side}, {len(dropped)} do not"
    tested, medians = f"p = {pvalue:.2g}, one look", medians_of(kept, dropped)
    return RuleEvidence(len(kept), len(dropped), chance, pvalue, 1, pvalue <= 1 - level, side, tested, medians)


def _lower_pvalue(kept: np.ndarray, dropped: np.ndarray, chance: float) -> float:
    """One-sided p-value that the kept have lower errors: Brunner and Munzel; Mann and Whitney where theirs has no
    variance, as the two do not overlap."""
    from scipy.stats import brunnermunzel, mannwhitneyu

    if chance in (0.0, 1.0) or np.ptp(np.concatenate([kept, dropped])) == 0:
        return float(mannwhitneyu(kept, dropped, alternative="less").pvalue)
    return float(brunnermunzel(kept, dropped, alternative="less").pvalue)


def reference_table(space: Space, listed: list[Quantity], seed: int) -> np.ndarray:
    """(m, quantities) of models of the space that are drawn to be compared with, not to be trained.

    m is REFERENCE, or all models of a space that holds fewer. The seed is not that of any study's population.
    """
    population = draw_population(space, REFERENCE, seed=_REFERENCE_SEED + seed, allow_short=True).population
    return quantity_table(space, population.settings, listed)


def _looked_at(space: Space, listed: list[Quantity], parameters: Sequence[str]) -> set[str]:
    known = list(dict.fromkeys(q.parameter for q in listed))
    for name in parameters:
        if name not in known:
            hint = f"{suggest(name, known)} Known: {', '.join(known)}"
            raise DsxError(f"narrow: '{name}' is no sampled parameter of {space.name}.{hint}")
    return set(parameters or known)


def _sharing(
    space: Space, rows: Table, errors: np.ndarray, looked_at: Collection[str], level: float
) -> list[Candidate]:
    """One value for all stages, of every parameter for which the models can tell."""
    names = [
        name for name, p in space.parameters.items()
        if not isinstance(p, SameAs) and p.per == "stage" and len(p.values) > 1
        and name not in space.rules and name in looked_at and p.values.dtype.kind in "if"
    ]  # fmt: skip
    made = []
    for name in names:
        cost = sharing_cost(stage_values(space, name, rows), errors, 1 - (1 - level) / len(names))
        if cost is None:
            continue
        change = {"parameters": {name: {"per": "network"}}}
        freedom = cardinality(space).degrees_of_freedom - cardinality(changed(space, change)).degrees_of_freedom
        sentence = (
            f"by a line of ranks over the number of different values, a model as they are beats one that shares with"
            f" chance {number(0.5 + cost.cost, 2)} (surely below {number(min(0.5 + cost.upper, 1.0), 2)}, over"
            f" {plural(len(names), 'look')}); counted as costing nothing if surely below {0.5 + MARGIN:.2f}"
        )
        if cost.few < LEAST_SHARING:
            sentence += f"; only {plural(cost.few, 'model')} with few different values, {LEAST_SHARING} are needed"
        evidence = RuleEvidence(
            cost.few, cost.n - cost.few, 0.5 + cost.cost, math.nan, len(names), cost.free, f"{sentence}."
        )
        made.append(Candidate(name, "sharing", f"{name}: one value for all stages", change, evidence, freedom))
    return made

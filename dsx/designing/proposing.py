"""What a round of a walk proposes: everything that narrows the current space, the most promising first.

Candidates of a person come first; then rules that the models support, as `dsx narrow` finds them; then what makes the
space simpler and might cost nothing: one value for all stages, an order, widths on a quantised line. What comes first
is tested first. Nothing here needs to be sure: a step is taken on models that had no part in this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DefinitionError
from dsx.designing.quantised_line import quantised_line
from dsx.designing.refinement import Kind, Refinement
from dsx.narrowing.candidates import Candidate, changed
from dsx.narrowing.proposal import propose
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table
from dsx.results.states import finished
from dsx.spaces.cardinality import cardinality
from dsx.spaces.definition import Space
from dsx.spaces.files import merge

if TYPE_CHECKING:
    from dsx.analysis.scan import End

# the error that a proposal is allowed: more than a rule's, as it is only a proposal; still more of an order, as few
# models of a wide space keep one
PROPOSAL_LEVEL, _ORDER_LEVEL = 0.9, 0.75
# what one value for all stages may seem to cost and still be tested: chance above one half
_SHARING_COST = 0.15
_SHAPE = ("depth", "width")


def refinements(
    space: Space,
    table: Table,
    reference: np.ndarray,
    taken: Collection[tuple[str, End]] = (),
    wanted: Mapping[str, Mapping[str, object]] = {},
    seed: int = 0,
    metric: Metric = ERROR,
) -> list[Refinement]:
    """All candidates of a round, the most promising first. A function of its arguments.

    table: models of the space. reference: (m, quantities) of models of its law, drawn to be compared with. taken:
    (quantity, end) of rules taken before. wanted: changes of the definition that a person would like to see tested, by
    name. metric: what the errors are of.
    """
    rows = finished(table)
    ends: list[Candidate] = []
    sharing: list[Candidate] = []
    for candidate in propose(space, rows, (), PROPOSAL_LEVEL, seed, taken, reference):
        (sharing if candidate.kind == "sharing" else ends).append(candidate)
    of_ends = [_of_end(candidate, metric) for candidate in ends]
    first = _wanted(space, wanted)
    windows = {window.quantity: window for window in _windows(space, ends)}
    for each in (r for r in of_ends if r.supported):  # the surer ones first, as `propose` has them
        if (window := windows.pop(each.quantity, None)) is not None:
            first.append(window)
        first.append(each)
    first += [*_shared(space, sharing), *_line(space, rows), *(r for r in of_ends if r.simpler and not r.supported)]
    return [*first, *(r for r in of_ends if r not in first)]


def worth_testing(refinement: Refinement) -> bool:
    """Whether it is supported, a person's own that fits the space, or makes the space simpler."""
    return refinement.supported or refinement.simpler or (refinement.kind == "own" and bool(refinement.change))


def _of_end(candidate: Candidate, metric: Metric) -> Refinement:
    """A rule that `dsx narrow` proposes."""
    order = candidate.kind == "order"
    kind = candidate.kind if candidate.kind in ("order", "derived") else "range"
    evidence = candidate.evidence
    hinted = order and not evidence.supported and evidence.pvalue <= 1 - _ORDER_LEVEL
    simpler = candidate.freedom > 0 or (order and not hinted and evidence.chance >= 0.5)
    return Refinement(
        candidate.words, kind, candidate.change, evidence.words_by(metric), evidence.supported or hinted, True, simpler,
        candidate.freedom, candidate.quantity, candidate.end,
    )  # fmt: skip


def _windows(space: Space, candidates: Sequence[Candidate]) -> list[Refinement]:
    """Both ends of a quantity at once, where the models support both: what lies beyond either is worse.

    So the window stands out further from what it leaves out than either end does, and takes one test instead of two.
    """
    cuts = [c for c in candidates if c.evidence.supported and c.kind in ("range", "derived")]
    return [_window(space, low, high) for low in cuts for high in cuts if _are_window(low, high)]


def _are_window(low: Candidate, high: Candidate) -> bool:
    """Whether they are both ends of a quantity, and each changes its own keys of the definition, no list of values."""
    ranges = [change for c in (low, high) for change in c.change.get("parameters", {}).values()]
    ends = low.quantity == high.quantity and (low.end, high.end) == ("low", "high")
    return ends and low.bound < high.bound and all(set(change) <= {"low", "high"} for change in ranges)


def _window(space: Space, low: Candidate, high: Candidate) -> Refinement:
    change = merge(low.change, high.change)
    freedom = cardinality(space).degrees_of_freedom - cardinality(changed(space, change)).degrees_of_freedom
    words = f"{low.quantity}: {low.bound:.10g} to {high.bound:.10g}"
    evidence = " ".join(f"{c.words}: {c.evidence.words}" for c in (low, high))
    kind: Kind = "range" if low.kind == "range" else "derived"
    return Refinement(words, kind, change, evidence, True, True, freedom > 0, freedom, low.quantity, "both")


def _shared(space: Space, candidates: Sequence[Candidate]) -> list[Refinement]:
    """One value for all stages: of all parameters together that seem to allow it, then of each.

    Not of depths and widths, which would leave networks of one shape.
    """
    cheap = [c for c in candidates if c.parameter not in _SHAPE and c.evidence.chance - 0.5 <= _SHARING_COST]
    listed = [_of_sharing(space, [c]) for c in cheap]
    return [_of_sharing(space, cheap), *listed] if len(cheap) > 1 else listed


def _of_sharing(space: Space, candidates: Sequence[Candidate]) -> Refinement:
    parameters: dict[str, object] = {}
    for candidate in candidates:
        parameters |= candidate.change["parameters"]
    change = {"parameters": parameters}
    names = ", ".join(candidate.parameter for candidate in candidates)
    freedom = cardinality(space).degrees_of_freedom - cardinality(changed(space, change)).degrees_of_freedom
    words = f"{names}: one value for all stages"
    evidence = " ".join(
        f"{c.parameter}: {c.evidence.words}" if len(candidates) > 1 else c.evidence.words for c in candidates
    )
    return Refinement(words, "sharing", change, evidence, False, simpler=True, freedom=freedom)


def _line(space: Space, rows: Table) -> list[Refinement]:
    line = quantised_line(space, rows)
    return [] if line is None else [line]


def _wanted(space: Space, wanted: Mapping[str, Mapping[str, object]]) -> list[Refinement]:
    """A person's own candidates; models keep one exactly where it only adds rules or constraints.

    One that does not fit the space changes nothing, and says why: it may have fitted an earlier space of the walk.
    """
    made = []
    for name, definition in wanted.items():
        change = {k: v for k, v in definition.items() if k not in ("name", "description", "source", "extends")}
        try:
            narrower = changed(space, change)
        except DefinitionError as error:
            made.append(Refinement(name, "own", {}, f"does not fit {space.name}: {error}", False, quantity=name))
            continue
        if narrower.definition_hash == space.definition_hash:
            continue  # the space is already so
        freedom = cardinality(space).degrees_of_freedom - cardinality(narrower).degrees_of_freedom
        words = str(definition.get("description") or name)
        made.append(
            Refinement(
                words,
                "own",
                change,
                f"{name}: a candidate of yours.",
                False,
                set(change) <= {"rules", "constraints"},
                freedom > 0,
                freedom,
                name,
            )
        )
    return made

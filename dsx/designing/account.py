"""A walk in words: what was taken and why, what is said of errors, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence

from dsx.base.text import plural
from dsx.base.units import short
from dsx.designing.folder import evidence_of
from dsx.designing.plan import Ending, Step, WalkPlan
from dsx.designing.proposing import worth_testing
from dsx.designing.refinement import Refinement
from dsx.designing.walk import Walk

_MOST_TOLD = 12


def told(walk: Walk, ending: Ending | None) -> list[str]:
    """The walk so far: its chain, each step with its evidence, and how it ended. ending: None: it did not yet."""
    lines = [" → ".join(space.name for space in walk.chain)]
    for step in walk.steps:
        lines += told_step(step)
    if ending == "proposed":
        lines += told_proposal(walk.proposal)
    lines.append(spent(walk))
    lines.append(error_statement(walk.plan, walk.steps))
    if ending is not None:
        lines.append(_ENDINGS[ending])
    return lines


_ENDINGS = {
    "nothing left": "ended: nothing is left that is worth a test",
    "budget spent": "ended: what is left of the budget is too little to propose or test by; a larger --models goes on",
    "proposed": "proposed only: the same command without --propose-only tests them, --accept N takes one by hand",
}


def headline(walk: Walk, ending: Ending | None) -> list[str]:
    """The walk in a few sentences."""
    taken = [step for step in walk.steps if step.taken]
    lines = [f"{step.before} → {step.after}: {step.refinement.words}" for step in taken] or ["No step was taken."]
    return [*lines, _ENDINGS[ending] if ending is not None else "not ended yet"]


def told_step(step: Step) -> list[str]:
    """Two lines or so on one step."""
    mark = "by hand" if step.by_hand else "taken" if step.taken else "not taken"
    lines = [f"  {step.number}. [{mark}] {step.refinement.words}" + (f" → {step.after}" if step.taken else "")]
    lines += [f"       {sentence}" for sentence in evidence_of(step)]
    if step.taken:
        lines.append(f"       {plural(step.reused, 'earlier model')} reused")
    return lines


def told_proposal(proposal: Sequence[Refinement]) -> list[str]:
    """A line for each candidate, with the number to take it by, and its evidence."""
    lines = []
    for n, each in enumerate(proposal[:_MOST_TOLD], 1):
        lines += [f"  {n}. [{_mark(each)}] {each.words}", f"       {each.evidence}"]
    if len(proposal) > _MOST_TOLD:
        lines.append(f"  and {plural(len(proposal) - _MOST_TOLD, 'way')} more, of which less is to be expected")
    return lines


def _mark(refinement: Refinement) -> str:
    if refinement.kind == "own":
        return "yours" if refinement.change else "does not fit"
    if refinement.supported:
        return "supported"
    return "simpler" if worth_testing(refinement) else "not shown"


def spent(walk: Walk) -> str:
    """Models trained, and what is left."""
    hours = f", {short(walk.seconds / 3600)} device-hours" if walk.seconds else ""
    reused = sum(step.reused for step in walk.steps)
    return (
        f"{plural(walk.spent, 'model')} trained of {walk.plan.models:,}{hours}; {plural(reused, 'model')} of wider"
        " spaces counted on in narrower ones, to propose by"
    )


def error_statement(plan: WalkPlan, steps: Sequence[Step]) -> str:
    """What may be said of all steps together, and what it assumes."""
    by_hand = sum(step.by_hand for step in steps)
    tested = sum(not step.by_hand for step in steps)
    sentence = (
        f"The chance that any step taken is false is at most {100 * (1 - plan.level):g} %, whatever the number of"
        f" rounds and candidates ({plural(tested, 'test')} here): a false step is one that was taken as better and is"
        f" not, or as no worse and is worse by {plan.margin}. It assumes that models are drawn and trained"
        " independently of the decisions before them, that those without an error fail on both sides alike, and that"
        " the rank test keeps its level."
    )
    if by_hand:
        sentence += f" {plural(by_hand, 'step')} taken by hand {'is' if by_hand == 1 else 'are'} not part of this."
    return sentence

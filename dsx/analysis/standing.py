"""Where a comparison that is looked at again and again stands: its verdicts at any look, and what is missing to one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dsx.analysis.decisions import decisions_at_any_look
from dsx.analysis.verdict import Margin, Verdict
from dsx.analysis.verdict_words import verdict_sentence
from dsx.recipes.metric import ERROR_NAME
from dsx.results.arrays import Table
from dsx.results.states import finished


@dataclass(frozen=True)
class Standing:
    """Verdicts on pairs of some studies, by their errors, as the models are now. untrained: studies that have none."""

    verdicts: tuple[Verdict, ...]
    untrained: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether nothing is open."""
        return not self.untrained and all(verdict.decision != "undecided" for verdict in self.verdicts)

    def lines(self) -> list[str]:
        """A sentence for each pair: what was decided after how many models, or how far from a decision it is."""
        none = [f"No model of {' and '.join(self.untrained)} is trained yet."] if self.untrained else []
        return [*none, *(_decided(v) if v.decision != "undecided" else _open(v) for v in self.verdicts)]


def standing(tables: Mapping[str, Table], level: float = 0.95, margin: Margin | None = None) -> Standing:
    """The verdicts that `dsx analyze` states at any look, on studies that are still trained.

    tables: name → results table in the population's order, whatever the models' states. A model counts once all
    before it are over, so that it does not matter which are trained faster.
    """
    verdicts = decisions_at_any_look(tables, level, margin)
    untrained = tuple(name for name, table in tables.items() if not len(finished(table)))
    return Standing(tuple(verdict for verdict in verdicts if verdict.measure == ERROR_NAME), untrained)


def evidence(verdict: Verdict) -> tuple[float, float]:
    """(1/p, 1/(1 − level)): evidence so far for a direction, or for equivalence if that is more, and what decides.

    p: corrected for all that is decided. At any look 1/p is the wealth of a bettor who started with 1.
    """
    pvalues = [p for p in (verdict.adjusted, verdict.equivalence_adjusted) if not math.isnan(p)]
    return 1 / max(min(pvalues), 1e-300), 1 / (1 - verdict.level)


def _decided(verdict: Verdict) -> str:
    return f"{verdict_sentence(verdict)[:-1]}; decided after {verdict.decided_at} models of each."


def _open(verdict: Verdict) -> str:
    if not verdict.enough:
        return verdict_sentence(verdict)
    now, needed = evidence(verdict)
    both = min(verdict.n_a, verdict.n_b)
    text = f"{verdict_sentence(verdict)[:-1]}; evidence {now:.2g} of {needed:.3g} after {both} models of each"
    if both and now > 2:  # wealth grows by a factor from model to model: a guess, of no more than the order
        more = both * (math.log(needed) / math.log(now) - 1)
        text += f", at this pace some {max(1, round(more)):,} more"
    return f"{text}."

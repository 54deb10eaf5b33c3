"""Where a comparison that is looked at again and again stands: its verdicts at any look, and what is missing to one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsx.analysis.decisions import decisions
from dsx.analysis.sequential import sequential_verdicts
from dsx.analysis.verdict import Margin, Verdict
from dsx.analysis.verdict_words import verdict_sentence
from dsx.results.samples import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Standing:
    """Verdicts on all pairs of some studies as their models are now. models: of each study that could be compared."""

    verdicts: tuple[Verdict, ...]
    models: int

    @property
    def decided(self) -> bool:
        """Whether nothing is open."""
        return all(verdict.decision != "undecided" for verdict in self.verdicts)

    def lines(self) -> list[str]:
        """A sentence for each pair: what was decided after how many models, or how far from a decision it is."""
        return [_decided(v) if v.decision != "undecided" else _open(v) for v in self.verdicts]


def standing(tables: Mapping[str, pd.DataFrame], level: float = 0.95, margin: Margin | None = None) -> Standing:
    """Verdicts that hold at any look on studies that are still trained.

    tables: name → results table in the population's order, whatever the models' states. A model counts once all
    before it are over, so that it does not matter which are trained faster. They are the verdicts that an analysis
    states of the errors as they are, corrected for all else that it decides, so that what is decided here is so there.
    """
    populations = {name: errors_in_order(table) for name, table in tables.items()}
    smallest = min((errors.size for errors in populations.values()), default=0)
    if smallest == 0:
        return Standing(sequential_verdicts(populations, level, margin), 0)
    return Standing(tuple(decisions(tables, level, margin).pairs), smallest)


def errors_in_order(table: pd.DataFrame) -> Floats:
    """(n,) errors of the models that count, in the order of the table, up to the first that is still to be trained.

    Failed models are left out. Of several trainings of a model the mean counts, once all of them are over.
    """
    table = table[table["state"] != "failed"]
    runs = table["error"].where(table["state"].isin(("done", "diverged"))).groupby(table["model_id"], sort=False)
    errors = runs.mean().where(runs.count() == runs.size()).to_numpy(np.float64)
    missing = np.flatnonzero(np.isnan(errors))
    return errors[: missing[0]] if missing.size else errors


def evidence(verdict: Verdict) -> tuple[float, float]:
    """(1/p, 1/(1 − level)): evidence so far for a direction, or for equivalence if that is more, and what decides.

    p: corrected for all pairs. At any look 1/p is the wealth of a bettor who started with 1.
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

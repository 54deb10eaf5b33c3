"""How many models each verdict would have taken, had one looked after every model: trained populations replayed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsx.analysis.sequential import sequential_verdicts
from dsx.analysis.verdict import Margin
from dsx.results.samples import Errors, frame

if TYPE_CHECKING:
    import pandas as pd


def models_to_decide(
    populations: Mapping[str, Errors], level: float = 0.95, margin: Margin | None = None
) -> pd.DataFrame:
    """Replay populations in their order, a look after every model, and tell when each pair is decided.

    populations: name → (n,) percent in the order drawn, or a results table in that order. Rows, one per pair: a, b;
    decision and models, those of each after which it stood, with all pairs decided together; decision_alone and
    models_alone, with this pair as the only comparison; models is missing where all models leave it undecided.
    superiority: probability that a model of a has the lower error, from all models. Raises DsxError as
    `sequential_verdicts` does.
    """
    together = sequential_verdicts(populations, level, margin)
    rows = []
    for verdict, (a, b) in zip(together, itertools.combinations(populations, 2), strict=True):
        (alone,) = sequential_verdicts({a: populations[a], b: populations[b]}, level, margin)
        rows.append((a, b, verdict.superiority, verdict.decision, verdict.decided_at, alone.decision, alone.decided_at))
    table = frame(rows, ["a", "b", "superiority", "decision", "models", "decision_alone", "models_alone"])
    return table.astype({"models": "Int64", "models_alone": "Int64"})

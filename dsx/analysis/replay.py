"""How many models each verdict would have taken, had one looked after every model: trained populations replayed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from dsx.analysis.decisions import decisions_at_any_look
from dsx.analysis.verdict import Margin, Verdict
from dsx.recipes.metric import ERROR_NAME
from dsx.results.arrays import Table, frame, is_table
from dsx.results.samples import Errors, as_sample


def models_to_decide(populations: Mapping[str, Errors], level: float = 0.95, margin: Margin | None = None) -> Table:
    """Replay populations in their order, a look after every model, and tell when each pair is decided.

    populations: name → results table in the order drawn, or (n,) percent in that order. Rows, one per pair: a, b;
    superiority, the probability that a model of a has the lower error, from all models; decision and models, those of
    each after which it stood, as `dsx analyze` of all populations states it at any look; decision_alone and
    models_alone, of this pair alone. models is missing where all models leave it undecided. Raises DsxError for a
    population without a finished model.
    """
    tables = {name: _table(given, name) for name, given in populations.items()}
    together = _by_errors(tables, level, margin)
    rows = []
    for verdict, (a, b) in zip(together, itertools.combinations(tables, 2), strict=True):
        (alone,) = _by_errors({a: tables[a], b: tables[b]}, level, margin)
        rows.append((a, b, verdict.superiority, verdict.decision, verdict.decided_at, alone.decision, alone.decided_at))
    table = frame(rows, ["a", "b", "superiority", "decision", "models", "decision_alone", "models_alone"])
    return table.astype({"models": "Int64", "models_alone": "Int64"})


def _by_errors(tables: Mapping[str, Table], level: float, margin: Margin | None) -> list[Verdict]:
    return [verdict for verdict in decisions_at_any_look(tables, level, margin) if verdict.measure == ERROR_NAME]


def _table(errors: Errors, name: str) -> Table:
    """A results table with a model that counts. Raises DsxError if there is none."""
    sample = as_sample(errors, name)
    if is_table(errors):
        return errors
    import pandas as pd

    return pd.DataFrame({"error": sample, "state": "done"})

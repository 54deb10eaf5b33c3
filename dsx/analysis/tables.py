"""All tables of an analysis, each number that is drawn included: what is written as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsx.analysis.comparison import compare_all
from dsx.analysis.counts import count_states, finished
from dsx.analysis.edf import edf
from dsx.analysis.summary import summarize
from dsx.analysis.values import frame
from dsx.errors import DsxError

if TYPE_CHECKING:
    import pandas as pd


def analyze(tables: Mapping[str, pd.DataFrame], level: float = 0.95) -> dict[str, pd.DataFrame]:
    """Every table of an analysis of some studies, by name.

    tables: name → results table, at least one. Returns
      counts      one row per study: models and runs by state, and the same in words
      summary     one row per study: lowest, mean and median error with intervals
      comparison  one row per pair of studies, with a sentence
      edf         one row per model that counts: study, error, probability (strict), lower, upper
    Raises DsxError if there is no study or a table is malformed.
    """
    if not tables:
        raise DsxError("nothing to analyse: give at least one study")
    return {
        "counts": counts_table(tables),
        "summary": summarize(tables, level),
        "comparison": compare_all(tables, level),
        "edf": edf_table(tables, level),
    }


def counts_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per study: study, models, runs, done, diverged, failed, running, pending, n, words."""
    fields = ("models", "runs", "done", "diverged", "failed", "running", "pending", "n")
    rows = []
    for name, table in tables.items():
        counts = count_states(table)
        rows.append({"study": name, **{f: getattr(counts, f) for f in fields}, "words": counts.words()})
    return frame(rows, ["study", *fields, "words"])


def edf_table(tables: Mapping[str, pd.DataFrame], level: float = 0.95) -> pd.DataFrame:
    """The curves as drawn, one row per model that counts: study, error, probability, lower, upper."""
    import pandas as pd

    columns = ["study", "error", "probability", "lower", "upper"]
    parts = []
    for name, table in tables.items():
        errors = finished(table)["error"]
        if len(errors):
            curve = edf(errors, level=level)
            parts.append(frame({"study": name} | {c: getattr(curve, c) for c in columns[1:]}, columns))
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True) if parts else frame([], columns)
    return whole

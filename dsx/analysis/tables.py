"""The tables of an analysis of results tables, each number that is drawn included.

Exhibits write them as CSV, `search` as random_search.csv, and add their own: of each study, of attainment, of any look.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from dsx.analysis.best import best_ranges
from dsx.analysis.best_of_k import BestOfK, best_of_k
from dsx.analysis.comparison import compare_all, holm
from dsx.analysis.decisions import Decisions, decisions
from dsx.analysis.dominance import WHO_IS_AHEAD, EdfDifference, dominance, dominance_in_words, edf_difference
from dsx.analysis.edf import Edf, edf
from dsx.analysis.linear import linear_fit_table, table_widths
from dsx.analysis.summary import summarize
from dsx.analysis.trends import rank_correlation
from dsx.analysis.verdict import Margin
from dsx.analysis.verdict_words import verdict_sentence
from dsx.analysis.weights import matched_table
from dsx.base.errors import DsxError
from dsx.results.arrays import Table, column, frame
from dsx.results.columns import COMPLEXITIES, parameter_columns
from dsx.results.columns import stages as stage_numbers
from dsx.results.states import STATES, count_states, finished


def analyze(
    tables: Mapping[str, Table], level: float = 0.95, margin: Margin | None = None, looks: str = "any"
) -> dict[str, Table]:
    """The tables of an analysis of some studies, by name.

    tables: name → results table, at least one. margin: within which studies may be called equivalent. looks: which
    verdicts sentences state, those that hold at any look or, with `one`, at the only one. Returns
      verdicts     one row per pair of studies and measure: what may be said of it, at one look and at any
      counts       one row per study: models and runs by state, and the same in words
      summary      one row per study: lowest, mean and median error with intervals
      comparison   one row per pair of studies, with a sentence
      dominance    one row per pair: which is ahead somewhere, with p-values and a sentence
      matched      one row per pair and measure (flops, params, acts): the difference at equal complexity
      best_ranges  one row per study and parameter: the range of its likely best value
      correlation  one row per study and parameter: rank correlation with error (positive: more is worse)
      search       one row per study and number of models tried, up to all: expected lowest error, with its interval
      edf          one row per model that counts: study, error, probability (strict), lower, upper
    The linear fits (`linear_table`) and differences of EDFs (`edf_difference_table`) take longer and are
    made when asked for. Raises DsxError if there is no study or a table is malformed.
    """
    if len(tables) == 0:
        raise DsxError("nothing to analyse: give at least one study")
    models = {name: finished(table) for name, table in tables.items()}
    counted = [name for name, table in models.items() if len(table)]
    decided = decisions(tables, level, margin, looks)
    return {
        "verdicts": verdicts_table(decided),
        "counts": counts_table(tables),
        "summary": summarize(tables, level),
        "comparison": compare_all(models, level, decided),
        "dominance": dominance_table(models, level, decided),
        "matched": matched_table(models, level=level, decided=decided),
        "best_ranges": best_ranges_table(models, level=level),
        "correlation": correlation_table(models, level),
        "search": search_rows({name: best_of_k(models[name], level=level) for name in counted}),
        "edf": edf_rows({name: edf(models[name]["error"], level=level) for name in counted}),
    }


def counts_table(tables: Mapping[str, Table]) -> Table:
    """One row per study: study, models, runs, each state, n (models that count), words."""
    fields = ("models", "runs", *STATES, "n")
    rows = []
    for name, table in tables.items():
        counts = count_states(table)
        states = {f: getattr(counts, f) for f in fields[:-1]}
        rows.append({"study": name, **states, "n": len(finished(table)), "words": counts.words()})
    return frame(rows, ["study", *fields, "words"])


def edf_rows(curves: Mapping[str, Edf]) -> Table:
    """The curves as drawn, one row per model that counts: study, error, probability, lower, upper."""
    import pandas as pd

    columns = ["study", "error", "probability", "lower", "upper"]
    parts = [
        frame({"study": name} | {c: getattr(curve, c) for c in columns[1:]}, columns) for name, curve in curves.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else frame([], columns)


def verdicts_table(decided: Decisions) -> Table:
    """One row per pair of studies and measure, in the order of the pairs.

    a, b, measure; verdict: the one that sentences state; verdict_any, verdict_one: at any look and at one. superiority:
    probability that a model of a has the lower error, with its interval low, high, which holds for all rows at once.
    pvalue_any, pvalue_one, equivalence_any, equivalence_one: corrected for all rows; those of equivalence only with
    a margin. n_a, n_b: models compared; decided_at: of each, after which the verdict at any look stood.
    models_needed: of each, to be able to decide. Then margin, level, looks, words.
    """
    columns = [
        "a", "b", "measure", "verdict", "verdict_any", "verdict_one", "superiority", "low", "high", "pvalue_any",
        "pvalue_one", "equivalence_any", "equivalence_one", "n_a", "n_b", "decided_at", "models_needed", "margin",
        "level", "looks", "words",
    ]  # fmt: skip
    rows = [
        (
            v.a, v.b, v.measure, v.decision, at_any.decision, at_one.decision, v.superiority, v.low, v.high,
            at_any.adjusted, at_one.adjusted, at_any.equivalence_adjusted, at_one.equivalence_adjusted, v.n_a, v.n_b,
            at_any.decided_at, v.models_needed, "none" if v.margin is None else str(v.margin), v.level, v.looks,
            verdict_sentence(v),
        )
        for v, at_any, at_one in zip(decided.stated, decided.any, decided.one, strict=True)
    ]  # fmt: skip
    return frame(rows, columns).astype({"decided_at": "Int64"})


def dominance_table(tables: Mapping[str, Table], level: float = 0.95, decided: Decisions | None = None) -> Table:
    """One row per pair of studies with finished models: a, b, the keys of `dominance`, words.

    The p-values are those of the only look, each on its own, and with `_holm` corrected for their number, two per pair
    (Holm); they describe. verdict, words: who is ahead somewhere, by the verdicts, which `decided` holds (by default
    those at any look): the better study is, and both are where the curves are shown to cross.
    """
    names = _with_models(tables)
    verdicts = decided or decisions({name: tables[name] for name in names}, level)
    rows: list[dict[str, Any]] = []
    for a, b in itertools.combinations(names, 2):
        ahead = verdicts.ahead_somewhere(a, b)
        result = {**dominance(tables[a], tables[b], level), "verdict": WHO_IS_AHEAD[a in ahead, b in ahead]}
        words = f"{dominance_in_words(result, a, b)[:-1]}, by the verdicts at {verdicts.looks} look."
        rows.append({"a": a, "b": b, **result, "words": words})
    corrected = holm([row[f"{side}_ahead_pvalue"] for row in rows for side in "ab"])
    for row, pvalues in zip(rows, corrected.reshape(-1, 2), strict=True):
        row["a_ahead_pvalue_holm"], row["b_ahead_pvalue_holm"] = map(float, pvalues)
    keys = [f"{side}_ahead{end}" for side in "ab" for end in ("", "_pvalue", "_pvalue_holm")]
    return frame(rows, ["a", "b", *keys, "verdict", "words"])


def best_ranges_table(
    tables: Mapping[str, Table], columns: Sequence[str] | None = None, fraction: float = 0.25, level: float = 0.95
) -> Table:
    """One row per study and column: study, parameter, low, median, high, n, without.

    columns: those of them that a study has; by default its numeric parameters.
    """
    ranges = [
        (name, *row)
        for name in _with_models(tables)
        for row in best_ranges(
            tables[name], columns and [c for c in columns if c in tables[name].columns], fraction, level
        ).itertuples(index=False, name=None)
    ]
    return frame(ranges, ["study", "parameter", "low", "median", "high", "n", "without"])


def correlation_table(tables: Mapping[str, Table], level: float = 0.95) -> Table:
    """One row per study and numeric parameter or complexity: study, parameter, n, correlation, low, high, pvalue."""
    rows = []
    for name in _with_models(tables):
        models = finished(tables[name])
        measures = [c for c in (*COMPLEXITIES, "seconds") if c in models.columns]
        for parameter in [*measures, *parameter_columns(models)]:
            result = rank_correlation(column(models, parameter), column(models, "error"), level)
            rows.append({"study": name, "parameter": parameter, **result, "n": int(result["n"])})
    return frame(rows, ["study", "parameter", "n", "correlation", "low", "high", "pvalue"])


def search_rows(curves: Mapping[str, BestOfK]) -> Table:
    """One row per study and k ≤ n: study, k, expected, low, high, deviation (`BestOfK`)."""
    columns = ["k", "expected", "low", "high", "deviation"]
    rows = [
        (name, *values)
        for name, curve in curves.items()
        for values in zip(*(getattr(curve, c) for c in columns), strict=True)
    ]
    return frame(rows, ["study", *columns])


def edf_difference_table(a: Table, b: Table, level: float = 0.95) -> Table:
    """F_a − F_b as drawn, one row per distinct error: error, difference, lower, upper."""
    return difference_rows(edf_difference(a, b, level))


def difference_rows(difference: EdfDifference) -> Table:
    """`edf_difference_table` of this difference."""
    columns = ["error", "difference", "lower", "upper"]
    return frame({c: getattr(difference, c) for c in columns}, columns)


def linear_table(tables: Mapping[str, Table], stages: int | None = None) -> Table:
    """One row per finished model: study, model_id, error, w0, wa, wm, e_fit; of studies with depth_1, width_1 ….

    stages: of every fit; by default as many as the space has. e_fit is NaN where there is no such fit.
    """
    rows = []
    for name in _with_models(tables):
        models = finished(tables[name])
        count = len(stage_numbers(models.columns, "depth", "width"))
        if count:
            fits = linear_fit_table(table_widths(models), stages or count)
            ids = models["model_id"] if "model_id" in models.columns else range(len(models))
            rows += [(name, *row) for row in zip(ids, models["error"], *fits.to_numpy().T, strict=True)]
    return frame(rows, ["study", "model_id", "error", "w0", "wa", "wm", "e_fit"])


def _with_models(tables: Mapping[str, Table]) -> list[str]:
    """Names of the studies that have finished models; the counts show the others."""
    return [name for name, table in tables.items() if len(finished(table))]

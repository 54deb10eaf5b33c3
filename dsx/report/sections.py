"""The words and tables of a report: each function turns statistics into text, and none of them draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.analysis import best_range, finished, rank_correlation
from dsx.analysis.words import decimals, number
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.base.units import format_number
from dsx.exhibits.drawn import complexity_fits
from dsx.plots.labels import axis
from dsx.report.charts import explored_columns
from dsx.report.facts import StudyFacts
from dsx.results.samples import number_array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Grid:
    """A table of text. headers: one per column; rows: cells, the first of each naming the row."""

    headers: list[str]
    rows: list[list[str]]

    def __bool__(self) -> bool:
        return bool(self.rows)


def headline(written: Mapping[str, pd.DataFrame], level: float) -> list[str]:
    """The findings, most important first: all pairs if there are at most three, else the best study with each other."""
    summary, pairs = written["summary"], written["comparison"]
    known = summary[summary["n"] > 0]
    if known.empty:
        return ["No model has finished yet: there is nothing to compare."]
    if len(known) == 1:
        row = known.iloc[0]
        return [
            f"{row['study']}: mean error {_stat(row, 'mean_error')} %, median {_stat(row, 'median_error')} %, "
            f"lowest {number(row['min_error'])} % among {plural(int(row['n']), 'model')} "
            f"(brackets: {100 * level:g} % intervals)."
        ]
    if len(pairs) <= 3:
        return list(pairs["words"])
    best = known.sort_values("mean_error", kind="stable")["study"].iloc[0]
    return list(pairs.loc[(pairs["a"] == best) | (pairs["b"] == best), "words"])


def summary_grid(summary: pd.DataFrame) -> Grid:
    """Models that count, and lowest, mean and median error with their intervals."""
    headers = ["study", "models that count", "mean error %", "median error %", "lowest error %"]
    rows = [
        [row["study"], f"{row['n']:,}", _stat(row, "mean_error"), _stat(row, "median_error"), _stat(row, "min_error")]
        for _, row in summary.iterrows()
    ]
    return Grid(headers, rows)


def comparison_grid(pairs: pd.DataFrame) -> Grid:
    """Differences of every pair of studies."""
    headers = [
        "A – B",
        "mean error A − B",
        "median A − B",
        "lowest A − B",
        "P(A has the lower error)",
        "KS distance (p)",
    ]
    rows = []
    for _, row in pairs.iterrows():
        differences = [_stat(row, f"{name}_difference") for name in ("mean", "median", "min")]
        chance = _stat(row, "superiority", places=2)
        distance = f"{row['ks']:.2f} ({_pvalue(row['ks_pvalue_holm'])})"
        rows.append([f"{row['a']} – {row['b']}", *differences, chance, distance])
    return Grid(headers, rows)


def matched_sentences(written: Mapping[str, pd.DataFrame], most: int = 6) -> list[str]:
    """Comparisons at equal flops, in words; at equal params and acts are in the tables."""
    table = written.get("matched")
    if table is None or table.empty:
        return []
    known = (table["by"] == "flops") & table["mean_difference"].notna()
    words = table.loc[known, "words"].tolist()
    return words if len(words) <= most else []


def best_range_grid(tables: Mapping[str, pd.DataFrame], level: float) -> Grid:
    """One row per parameter and one column per study: median and range of the likely best value.

    tables: finished models, as `StudyFacts.models` gives them.
    """
    studies = [name for name, table in tables.items() if len(table)]
    rows = []
    for column in _explored({name: tables[name] for name in studies}, varied=True):
        cells = []
        for name in studies:
            table = tables[name]
            values = number_array(table[column], column) if column in table.columns else np.array([math.nan])
            if np.isfinite(values).any():
                low, median, high = best_range(values, table["error"].to_numpy(float), level=level)
                cells.append(f"{_short(median)} ({_short(low)}–{_short(high)})")
            else:
                cells.append("–")
        rows.append([axis(column, [0.0])[0], *cells])
    return Grid(["", *studies], rows)


def constant_columns(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Labels of the columns that are the same in all finished models: their best range says nothing."""
    return [axis(column, [0.0])[0] for column in _explored({n: t for n, t in tables.items() if len(t)}, varied=False)]


def _explored(tables: Mapping[str, pd.DataFrame], varied: bool) -> list[str]:
    """The explored columns that differ between models, or those that do not; of one model alone all count as varied."""

    def several(column: str) -> bool:
        values = {v for t in tables.values() if column in t.columns for v in t[column].dropna().unique()}
        return len(values) > 1 or sum(map(len, tables.values())) == 1

    return [column for column in explored_columns(tables) if several(column) == varied]


def linear_grid(facts: Sequence[StudyFacts], level: float) -> tuple[Grid, list[str]]:
    """Per study: e_fit of its networks and how it goes with the error; and what was left out, in words."""
    rows, notes = [], []
    for one in facts:
        try:
            fits = one.fitted
        except DsxError as reason:
            notes.append(f"{one.name}: {reason}")
            continue
        e_fit, errors = fits["e_fit"].to_numpy(float), fits["error"].to_numpy(float)
        known = np.isfinite(e_fit)
        if not known.any():
            continue
        if len(fits) < len(one.models):
            some = f"{len(fits)} of {len(one.models):,} networks"
            notes.append(f"{one.name}: fitted {some}, spread evenly over the ranks of error.")
        found = rank_correlation(e_fit, errors, level)
        low, median, high = best_range(e_fit, errors, level=level)
        told = _spread(found["correlation"], found["low"], found["high"], places=2)
        rows.append(
            [one.name, f"{known.sum()} of {known.size}", _two(float(np.median(e_fit[known]))),
             f"{_two(median)} ({_two(low)}–{_two(high)})", told]
        )  # fmt: skip
    headers = ["study", "networks fitted", "median e_fit", "e_fit of the best (range)", "rank correlation with error"]
    return Grid(headers, rows), notes


def complexity_grid(facts: Sequence[StudyFacts], level: float) -> tuple[Grid, list[str]]:
    """Log–log fits of activations, parameters and training time: exponents by study, and what speaks against each."""
    found: dict[str, dict[str, str]] = {}
    notes = []
    for one in facts:
        for (y, x), fit in complexity_fits(one.table, level).items():
            fit_name = f"{_word(y)} ∝ {_word(x)}ˢ"
            exponent = _spread(fit.slope, fit.slope_low, fit.slope_high, places=2)
            found.setdefault(fit_name, {})[one.name] = f"{exponent}, R² {number(fit.r2, 2)}"
            notes += [f"{one.name}, {fit_name}: {' '.join(fit.warnings())}"] if fit.warnings() else []
    studies = [one.name for one in facts if any(one.name in cells for cells in found.values())]
    rows = [[name, *(cells.get(study, "–") for study in studies)] for name, cells in found.items()]
    return Grid(["exponent s", *studies], rows), notes


def failure_total(facts: StudyFacts) -> int:
    """Runs that failed."""
    return sum(len(group.run_ids) for group in facts.failures)


def unfinished_warning(facts: Sequence[StudyFacts]) -> list[str]:
    """Sentences for studies of which a noticeable share has no error."""
    found = []
    for one in facts:
        total, counted = len(one.table), len(finished(one.table))
        models = one.table["model_id"].nunique() if "model_id" in one.table.columns else total
        missing = models - counted
        if counted and missing / models >= 0.02:
            found.append(
                f"{one.name}: {missing:,} of {models:,} models ({100 * missing / models:.0f} %) have no error and "
                "enter no statistic; if they are not a random share, the comparison leans towards the rest."
            )
    return found


def _word(column: str) -> str:
    words = {
        "acts": "activations",
        "params": "parameters",
        "seconds": "training time",
        "inference_ms": "inference time",
    }
    return words.get(column, column)


def _stat(row: Any, name: str, places: int | None = None) -> str:
    return _spread(float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"]), places)


def _spread(value: float, low: float, high: float, places: int | None = None) -> str:
    """`49.0 (48.2–49.8)`, `−0.1 (−0.4 to 0.2)`: a dash beside a minus sign would be misread."""
    places = decimals(low, high) if places is None else places
    if math.isnan(low) and math.isnan(high):
        return number(value, places)
    joint = "–" if low >= 0 or (math.isnan(low) and high >= 0) else " to "
    return f"{number(value, places)} ({number(low, places)}{joint}{number(high, places)})"


def _pvalue(p: float) -> str:
    return "–" if math.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _short(value: float) -> str:
    if abs(value) >= 1e5:
        return format_number(value)
    return number(value, 0) if abs(value) >= 1000 else f"{value:.3g}".replace("-", "−")


def _two(value: float) -> str:
    return number(value, 2)

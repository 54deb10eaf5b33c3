"""The findings in a few sentences: the report's first lines, and the last line of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsx.analysis.words import number, with_interval
from dsx.base.text import plural
from dsx.exhibits.cells import value_cell

if TYPE_CHECKING:
    import pandas as pd


def headline(summary: pd.DataFrame, pairs: pd.DataFrame, level: float) -> list[str]:
    """Most important first: all pairs if there are at most three, else the best study with each other."""
    known = summary[summary["n"] > 0]
    if known.empty:
        return ["No model has finished yet: there is nothing to compare."]
    if len(known) == 1:
        row = known.iloc[0]
        mean, median = (value_cell(row, f"{name}_error") for name in ("mean", "median"))
        return [
            f"{row['study']}: mean error {mean} %, median {median} %, lowest {number(row['min_error'])} % among"
            f" {plural(int(row['n']), 'model')} (brackets: {100 * level:g} % intervals)."
        ]
    if len(pairs) <= 3:
        return list(pairs["words"])
    best = known.sort_values("mean_error", kind="stable")["study"].iloc[0]
    return list(pairs.loc[(pairs["a"] == best) | (pairs["b"] == best), "words"])


def conclusion(summary: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """What several studies show, in one sentence with numbers; nothing for fewer than two with finished models."""
    ranked = summary.dropna(subset=["mean_error"]).sort_values("mean_error")
    if len(ranked) < 2:
        return []

    def mean(row: pd.Series) -> str:
        return f"{with_interval(row['mean_error'], row['mean_error_low'], row['mean_error_high'])} %"

    best, worst = ranked.iloc[0], ranked.iloc[-1]
    shown = int(((comparison["mean_difference_low"] > 0) | (comparison["mean_difference_high"] < 0)).sum())
    return [
        f"found: {best['study']} has the lowest mean error, {mean(best)}, {worst['study']} the highest, {mean(worst)};"
        f" {shown} of {plural(len(comparison), 'difference')} between spaces could be shown"
    ]

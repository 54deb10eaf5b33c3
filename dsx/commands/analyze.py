"""`dsx analyze`: tables, figures and the report of studies and of files of results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.text import align, plural
from dsx.commands.selection import sources
from dsx.results.readers import Results
from dsx.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from dsx.report.facts import StudyFacts


def analyze(
    arguments: Sequence[str], out: Path | None, level: float, overrides: Sequence[str] = (), figures: str = "all"
) -> str:
    """Tables, figures and report of studies and of files of results; the findings in words.

    overrides: how files are read (`dsx.commands.selection.sources`). figures: all, main or none. Raises DsxError.
    """
    from dsx.exhibits.figures import check_which

    if not 0 < level < 1:
        raise DsxError(f"--level {level}: expected a number between 0 and 1, as in 0.95")
    check_which(figures)
    found = sources(arguments, overrides)
    options = ["--level", str(level)] if level != 0.95 else []
    named = [str(source.path) for source in found] if any(isinstance(s, Results) for s in found) else []
    command = shlex.join(["dsx", "analyze", *named, *overrides, *options]) if named else ""
    return analyze_studies(found, out, level, command=command, figures=figures)


def analyze_studies(
    studies: Sequence[Study | Results],
    out: Path | None,
    level: float,
    question: str = "",
    command: str = "",
    figures: str = "all",
) -> str:
    """Write every table as CSV, every figure as PNG, PDF and CSV, and report.html; the table and findings as text.

    question: what the studies are to answer; command: the one that makes all of it again; both for the report.
    figures: all, main (those that compare studies) or none.
    """
    from dsx import analysis
    from dsx.exhibits.figures import save_figures
    from dsx.report import write_report

    folder = out or _common_folder(studies) / "analysis"
    files.check_writable(folder, "name another with --out")
    facts = _facts(studies)
    tables = {one.name: one.table for one in facts}
    written = analysis.analyze(tables, level)
    for name, table in written.items():
        files.write_bytes(folder / f"{_file_of(name)}.csv", table.to_csv(index=False).encode())
    drawn, beside = save_figures(folder, facts, written, level, figures)
    findings = list(written["comparison"]["words"])
    warnings = analysis.mixed_conditions(tables)
    command = command or shlex.join(["dsx", "analyze", *(str(study.path) for study in studies)])
    write_report(folder / "report.html", facts, written, level=level, question=question, command=command)
    made = f"{plural(len(written) + beside, 'table')} (CSV), {plural(len(drawn), 'figure')} (PNG and PDF)"
    closing = f"wrote {folder}: report.html, {made}"
    head = [question] if question else []
    found = conclusion(written["summary"], written["comparison"])
    return "\n".join([*head, summary_text(written["summary"]), *findings, *warnings, closing, *found])


def _file_of(table: str) -> str:
    """A table that a figure shows has that figure's name."""
    return {"search": "random_search"}.get(table, table)


def _facts(studies: Sequence[Study | Results]) -> list[StudyFacts]:
    """What is known of each, under a name of its own: that of its folder or file, or its path where two have one."""
    from dataclasses import replace

    from dsx.report import gather
    from dsx.report.facts import imported

    found: list[tuple[Study | Results, StudyFacts]] = []
    for source in studies:
        if isinstance(source, Results):
            found += [(source, one) for one in imported(source).values()]
        else:
            found.append((source, gather(source, source.path.resolve().name)))
    names = [one.name for _, one in found]
    paths = [
        f"{source.path}:{one.name}" if isinstance(source, Results) and len(source.tables) > 1 else str(source.path)
        for source, one in found
    ]
    return [
        one if names.count(one.name) == 1 else replace(one, name=path)
        for (_, one), path in zip(found, paths, strict=True)
    ]


def _common_folder(studies: Sequence[Study | Results]) -> Path:
    """Where `analysis/` goes: into the study, beside the studies, or under runs/ if there are files of results."""
    if any(isinstance(study, Results) for study in studies):
        return Path("runs")
    if len(studies) == 1:
        return studies[0].path
    parents = {study.path.parent for study in studies}
    return parents.pop() if len(parents) == 1 else Path("runs")


def summary_text(summary: pd.DataFrame) -> str:
    """The table of a comparison: models by state, and min, mean and median error with their intervals."""
    from dsx.analysis.words import with_interval

    states = ("runs", "done", "diverged", "failed", "running", "pending")
    rows = [["", "n", *states[1:], "min error %", "mean error %", "median error %"]]
    for _, row in summary.iterrows():
        numbers = [[row[f"{name}_error{end}"] for end in ("", "_low", "_high")] for name in ("min", "mean", "median")]
        rows.append([row["study"], *(str(row[state]) for state in states), *(with_interval(*n) for n in numbers)])
    return align(rows)


def conclusion(summary: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """What several studies show, in one sentence with numbers; nothing for fewer than two with finished models."""
    from dsx.analysis.words import with_interval

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

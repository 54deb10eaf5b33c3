"""From a space to a comparison: sample, analyze, and all of it for an experiment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.config import Experiment, load_experiment, parse_overrides
from dsx.errors import DsxError
from dsx.launching import LaunchOptions, launch_studies
from dsx.selection import chosen, remember
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import Sampling, configured, draw_population
from dsx.study import records
from dsx.study.study import Study
from dsx.text import align, plural
from dsx.units import format_number, parse_range

if TYPE_CHECKING:
    import pandas as pd

# studies up to which each pair gets a figure of its own
MOST_FOR_PAIRS = 4


def sample(
    name: str,
    n: int,
    ranges: Mapping[str, str | None],
    resolution: int | None,
    num_classes: int | None,
    seed: int,
    out: Path | None,
    allow_short: bool,
    overrides: Sequence[str] = (),
    figure: bool = False,
) -> str:
    """Draw a population and make its study; the account of it in words. Writes nothing if anything is wrong."""
    space = load_space(name, parse_overrides(overrides))
    space = configured(space, resolution=resolution, num_classes=num_classes, **_ranges(ranges))
    drawn = draw_population(space, n, seed=seed, allow_short=allow_short)
    study = _create(space, drawn, seed, out or Path("runs") / space.name)
    remember([study])
    drawing = f"\nfigure: {_draw_population(study)}" if figure else ""
    words = describe_sampling(space, drawn, seed)
    return f"{words}{drawing}\nwrote {study.path}   next: dsx launch {study.path} --recipe NAME"


def _draw_population(study: Study) -> Path:
    """Marginals of every parameter, flops, params and acts, beside the study's other figures."""
    from dsx import plots

    return plots.save(plots.population(study.population.table), study.paths.analysis, "population")[0]


def _ranges(texts: Mapping[str, str | None]) -> dict[str, tuple[float, float]]:
    ranges = {}
    for name, text in texts.items():
        if text is not None:
            try:
                ranges[name] = parse_range(text)
            except DsxError as error:
                raise DsxError(f"--{name}: {error}") from None
    return ranges


def _create(space: Space, drawn: Sampling, seed: int, folder: Path) -> Study:
    request = {
        "n": drawn.asked,
        "constraints": space.constraints,
        "resolution": space.resolution,
        "num_classes": space.num_classes,
    }
    return Study.create(folder, drawn.population, space.to_dict(), request, seed)


def describe_sampling(space: Space, drawn: Sampling, seed: int) -> str:
    """How many models, from how many candidates, what binds, and quantiles of flops, params and acts."""
    population, tally = drawn.population, drawn.tally
    window = ", ".join(
        f"{name} {text}" if name in ("flops", "params", "acts") else text for name, text in space.constraints.items()
    )
    size = f"{space.resolution}×{space.resolution}"
    count = plural(len(population), "distinct model") + (f" of {drawn.asked:,} asked for" if drawn.short else "")
    lines = [f"{space.name}: {count}, {window or 'no constraint'} at {size}, seed {seed}"]
    binding = f" ({tally.binding()} binds)" if tally.acceptance < 1 else ""
    lines.append(f"  drawn from {tally.candidates:,} candidates, {100 * tally.acceptance:.2g} % accepted{binding}")
    rates = {name: share for name, share in tally.rates().items() if share < 1}
    if len(rates) > 1:
        lines.append("  passing alone: " + ", ".join(f"{name} {100 * share:.2g} %" for name, share in rates.items()))
    rows = [["", "min", "25 %", "median", "75 %", "max"]]
    for name in ("flops", "params", "acts"):
        quantiles = np.quantile(getattr(population, name), [0, 0.25, 0.5, 0.75, 1])
        rows.append([name, *(format_number(float(q)) for q in quantiles)])
    return "\n".join([*lines, align(rows)])


def analyze(folders: Sequence[str], out: Path | None, level: float) -> str:
    """Tables and figures of studies; the findings in words."""
    if not 0 < level < 1:
        raise DsxError(f"--level {level}: expected a number between 0 and 1, as in 0.95")
    return analyze_studies(chosen(folders), out, level)


def analyze_studies(
    studies: Sequence[Study], out: Path | None, level: float, question: str = "", command: str = ""
) -> str:
    """Write every table as CSV, every figure as PNG and PDF, and report.html; the table and findings as text.

    question: what the studies are to answer; command: the one that makes all of it again; both for the report.
    """
    from dsx import analysis
    from dsx.report import gather, write_report

    tables = _tables(studies)
    folder = out or _common_folder(studies) / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    written = analysis.analyze(tables, level)
    for name, table in written.items():
        records.write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode())
    figures = _figures(tables, folder, level)
    findings = list(written["comparison"]["words"])
    warnings = analysis.mixed_conditions(tables)
    facts = [gather(study, name, tables[name]) for name, study in zip(tables, studies, strict=True)]
    command = command or shlex.join(["dsx", "analyze", *(str(study.path) for study in studies)])
    write_report(folder / "report.html", facts, written, level=level, question=question, command=command)
    tables_made = len(written) + sum(name.startswith("edf_difference") for name in figures)
    made = f"{plural(tables_made, 'table')} (CSV), {plural(len(figures), 'figure')} (PNG and PDF)"
    closing = f"wrote {folder}: report.html, {made}"
    head = [question] if question else []
    found = conclusion(written["summary"], written["comparison"])
    return "\n".join([*head, summary_text(written["summary"]), *findings, *warnings, closing, *found])


def _figures(tables: Mapping[str, pd.DataFrame], folder: Path, level: float) -> list[str]:
    """EDFs, random search, and the difference of each pair's EDFs, with its CSV; the names of what was drawn."""
    from dsx import analysis, plots

    drawn = {name: table for name, table in tables.items() if len(analysis.finished(table))}
    if not drawn:
        return []
    figures = {"edf": plots.edf(tables, level=level), "random_search": plots.random_search(tables, level=level)}
    if len(drawn) <= MOST_FOR_PAIRS:
        for a, b in combinations(drawn, 2):
            name = f"edf_difference_{Path(a).name}_{Path(b).name}"
            figures[name] = plots.edf_difference({a: drawn[a], b: drawn[b]}, level=level)
            difference = analysis.edf_difference_table(drawn[a], drawn[b], level)
            records.write_bytes(folder / f"{name}.csv", difference.to_csv(index=False).encode())
    for name, ax in figures.items():
        plots.save(ax, folder, name)
    return list(figures)


def _tables(studies: Sequence[Study]) -> dict[str, pd.DataFrame]:
    """Results by a name for each study: its folder's, or its path where two folders have one name."""
    names = [study.path.resolve().name for study in studies]
    paths = [str(study.path) for study in studies]
    return {
        (name if names.count(name) == 1 else path): study.results()
        for name, path, study in zip(names, paths, studies, strict=True)
    }


def _common_folder(studies: Sequence[Study]) -> Path:
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


def run(name: str, overrides: Sequence[str], device: str) -> int:
    """Sample, train and analyse every space of an experiment; the exit code."""
    experiment = load_experiment(name, overrides)
    studies = sample_experiment(experiment)
    remember(studies)
    code = launch_studies(
        studies, experiment.recipe, experiment.launcher, LaunchOptions(device=device, seeds=experiment.replicates)
    )
    left = sum(study.counts()[state] for study in studies for state in ("pending", "running"))
    if left:
        print(f"{plural(left, 'model')} still to come: the same command goes on, and analyses when all are there")
        return code
    command = shlex.join(["dsx", "run", name, *overrides])
    out = Path(experiment.out) / "analysis"
    print(analyze_studies(studies, out, experiment.analysis.level, experiment.description, command))
    return code


def sample_experiment(experiment: Experiment) -> list[Study]:
    """One study per space, all drawn before any is written, so that a fault in the last space writes nothing."""
    ranges = _ranges({name: getattr(experiment, name) for name in ("flops", "params", "acts")})
    spaces = [
        configured(load_space(space), resolution=experiment.resolution, num_classes=experiment.num_classes, **ranges)
        for space in experiment.spaces
    ]
    drawn = [draw_population(s, experiment.n, seed=experiment.seed, allow_short=experiment.allow_short) for s in spaces]
    studies = []
    for space, drawing in zip(spaces, drawn, strict=True):
        folder = Path(experiment.out) / space.name
        known = (folder / "study.yaml").exists()
        studies.append(_create(space, drawing, experiment.seed, folder))
        found = f"{space.name}: {plural(len(drawing.population), 'model')} in {folder} already"
        print(found if known else describe_sampling(space, drawing, experiment.seed))
    return studies

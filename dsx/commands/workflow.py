"""From a space to a comparison: sample, analyze, and all of it for an experiment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.overrides import parse_overrides
from dsx.base.text import align, plural
from dsx.base.units import format_number, parse_range
from dsx.commands.config import Experiment, load_experiment
from dsx.commands.launching import LaunchOptions, launch_studies
from dsx.commands.selection import remember, sources
from dsx.networks.cost import METRICS
from dsx.results.readers import Results
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import Sampling, configured, draw_population
from dsx.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from dsx.report.facts import StudyFacts


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
        "constraints": space.constraint_texts,
        "resolution": space.resolution,
        "num_classes": space.num_classes,
    }
    return Study.create(folder, drawn.population, space.to_dict(), request, seed)


def describe_sampling(space: Space, drawn: Sampling, seed: int) -> str:
    """How many models, from how many candidates, what binds, and quantiles of flops, params and acts."""
    population, tally = drawn.population, drawn.tally
    window = ", ".join(f"{name} {text}" if name in METRICS else text for name, text in space.constraint_texts.items())
    size = f"{space.resolution}×{space.resolution}"
    count = plural(len(population), "distinct model") + (f" of {drawn.asked:,} asked for" if drawn.short else "")
    lines = [f"{space.name}: {count}, {window or 'no constraint'} at {size}, seed {seed}"]
    binding = f" ({tally.binding()} binds)" if tally.acceptance < 1 else ""
    lines.append(f"  drawn from {tally.candidates:,} candidates, {100 * tally.acceptance:.2g} % accepted{binding}")
    rates = {name: share for name, share in tally.rates().items() if share < 1}
    if len(rates) > 1:
        lines.append("  passing alone: " + ", ".join(f"{name} {100 * share:.2g} %" for name, share in rates.items()))
    rows = [["", "min", "25 %", "median", "75 %", "max"]]
    for name in METRICS:
        quantiles = np.quantile(getattr(population, name), [0, 0.25, 0.5, 0.75, 1])
        rows.append([name, *(format_number(float(q)) for q in quantiles)])
    return "\n".join([*lines, align(rows)])


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

    facts = _facts(studies)
    tables = {one.name: one.table for one in facts}
    folder = out or _common_folder(studies) / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
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


def run(name: str, overrides: Sequence[str], device: str) -> int:
    """Sample, train and analyse every space of an experiment; the exit code."""
    experiment = load_experiment(name, overrides)
    studies = sample_experiment(experiment)
    remember(studies)
    options = LaunchOptions(device=device, seeds=experiment.replicates)
    code = launch_studies(studies, [experiment.recipe] * len(studies), experiment.launcher, options)
    left = sum(study.counts()[state] for study in studies for state in ("pending", "running"))
    if left:
        print(f"{plural(left, 'model')} still to come: the same command goes on, and analyses when all are there")
        return code
    command = shlex.join(["dsx", "run", name, *overrides])
    out = Path(experiment.out) / "analysis"
    settings = experiment.analysis
    print(analyze_studies(studies, out, settings.level, experiment.description, command, settings.figures))
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

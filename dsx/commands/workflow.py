"""From a space to a comparison: sample, analyze, and all of it for an experiment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DsxError
from dsx.base.text import align, plural
from dsx.base.units import format_number, parse_range
from dsx.commands.config import Experiment, load_experiment, parse_overrides
from dsx.commands.launching import LaunchOptions, launch_studies
from dsx.commands.selection import remember, sources
from dsx.networks.cost import METRICS
from dsx.results.readers import Results
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import Sampling, configured, draw_population
from dsx.spaces.scaled import window_note
from dsx.study.study import Study

if TYPE_CHECKING:
    from dsx.exhibits.studies import StudyFacts


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
    plain = load_space(name) if overrides else space
    space = configured(space, resolution=resolution, num_classes=num_classes, **_ranges(ranges))
    drawn = draw_population(space, n, seed=seed, allow_short=allow_short)
    study = _create(space, drawn, seed, out or Path("runs") / space.name)
    remember([study])
    drawing = f"\nfigure: {_draw_population(study)}" if figure else ""
    note = window_note(plain, space)
    words = "\n".join(filter(None, [note, describe_sampling(space, drawn, seed)]))
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
    from dsx.exhibits.exhibition import check_figures

    if not 0 < level < 1:
        raise DsxError(f"--level {level}: expected a number between 0 and 1, as in 0.95")
    check_figures(figures)
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
    from dsx.exhibits.exhibit import Inquiry
    from dsx.exhibits.exhibition import computed_of, show
    from dsx.exhibits.headline import conclusion
    from dsx.report import write_report
    from dsx.results.states import mixed_conditions

    inquiry = Inquiry(_facts(studies), level)
    folder = out or _common_folder(studies) / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    shown, written = show(inquiry, folder, figures)
    command = command or shlex.join(["dsx", "analyze", *(str(study.path) for study in studies)])
    write_report(folder / "report.html", inquiry, shown, question=question, command=command)
    told = [
        line
        for each in shown
        if each.exhibit.told
        for computed in each.computed
        for line in each.exhibit.told(computed)
    ]
    count = f"{plural(len(written.tables), 'table')} (CSV), {plural(len(written.figures), 'figure')} (PNG and PDF)"
    closing = f"wrote {folder}: report.html, {count}"
    last = conclusion(*(computed_of(shown, name).main for name in ("summary", "comparison")))
    head = [question] if question else []
    return "\n".join([*head, *told, *mixed_conditions(inquiry.tables), closing, *last])


def _facts(studies: Sequence[Study | Results]) -> list[StudyFacts]:
    """What is known of each, under a name of its own: that of its folder or file, or its path where two have one."""
    from dataclasses import replace

    from dsx.exhibits.studies import imported
    from dsx.report import gather

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

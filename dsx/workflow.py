"""What the commands do: sample, launch, status, analyze, and all of it for an experiment."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.config import Experiment, LocalLauncher, load_experiment, load_launch, parse_overrides
from dsx.errors import DsxError, StudyError
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import Sampling, configured, draw_population
from dsx.study import records
from dsx.study.study import Study, open_study
from dsx.text import align, plural
from dsx.units import format_number, parse_range

if TYPE_CHECKING:
    import pandas as pd

    from dsx.training.recipe import Recipe

LAST = Path("runs/.last.json")
STOPPED = 130  # exit code of a command that a signal ended, as shells report Ctrl-C


@dataclass(frozen=True)
class LaunchOptions:
    """Flags of `dsx launch`. on: local, debug or slurm; retry: failure classes; the rest as in `local.launch`."""

    on: str = "local"
    workers: int | None = None
    limit: int | None = None
    seeds: int | None = None
    device: str = "auto"
    retry: tuple[str, ...] = ()
    dry_run: bool = False


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
) -> str:
    """Draw a population and make its study; the account of it in words. Writes nothing if anything is wrong."""
    space = load_space(name, parse_overrides(overrides))
    space = configured(space, resolution=resolution, num_classes=num_classes, **_ranges(ranges))
    drawn = draw_population(space, n, seed=seed, allow_short=allow_short)
    study = _create(space, drawn, seed, out or Path("runs") / space.name)
    remember([study])
    return f"{describe_sampling(space, drawn, seed)}\nwrote {study.path}   next: dsx launch {study.path} --recipe NAME"


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
    rows = [["", "min", "25 %", "median", "75 %", "max"]]
    for name in ("flops", "params", "acts"):
        quantiles = np.quantile(getattr(population, name), [0, 0.25, 0.5, 0.75, 1])
        rows.append([name, *(format_number(float(q)) for q in quantiles)])
    return "\n".join([*lines, align(rows)])


def remember(studies: Sequence[Study]) -> None:
    """Note these studies as the ones that commands take when none is named; kept under ./runs."""
    if any(Path("runs").resolve() in study.path.resolve().parents for study in studies):
        records.write_json(LAST, {"studies": [str(study.path) for study in studies]})


def chosen(folders: Sequence[str]) -> list[Study]:
    """The named studies, or those that the last sample or run wrote, which are then printed.

    A folder that holds several studies, as an experiment's does, stands for all of them.
    """
    if folders:
        return [study for folder in folders for study in _studies_in(folder)]
    if not LAST.is_file():
        raise StudyError("no study named, and none under ./runs that the last `dsx sample` or `dsx run` wrote")
    last = [open_study(path) for path in json.loads(LAST.read_text())["studies"]]
    print(f"studies: {', '.join(str(study.path) for study in last)}")
    return last


def _studies_in(folder: str) -> list[Study]:
    path = Path(folder)
    inside = [] if (path / "study.yaml").exists() or not path.is_dir() else sorted(path.glob("*/study.yaml"))
    return [open_study(file.parent) for file in inside] or [open_study(folder)]


def launch(folders: Sequence[str], recipe: str | None, options: LaunchOptions, overrides: Sequence[str]) -> int:
    """Set the recipe where one is given and train what is pending; the exit code."""
    studies = chosen(folders)
    if recipe is None and any(text.startswith("recipe") for text in overrides):
        recipe = _common_recipe(studies)
    content = load_launch(recipe, options.on, overrides)
    return launch_studies(studies, content["recipe"] or None, content["launcher"], options)


def _common_recipe(studies: Sequence[Study]) -> str:
    names = {study.recipe.name if study.recipe else None for study in studies}
    if len(names) != 1 or None in names:
        raise DsxError("recipe overrides need a recipe to change: name one with --recipe")
    return str(names.pop())


def launch_studies(
    studies: Sequence[Study], recipe: Mapping[str, Any] | None, launcher: Mapping[str, Any], options: LaunchOptions
) -> int:
    """Train the pending models of these studies with one launcher."""
    from dsx.launch.devices import slots
    from dsx.training.recipe import Recipe

    slots(options.device, options.workers)  # a device that is not there is told before anything is written
    wanted = None if recipe is None else Recipe.from_dict(dict(recipe), f"recipe {recipe.get('name', '')}")
    for study in studies:
        _recipe_of(study, wanted)
    if options.dry_run:
        print(_preview(studies, wanted, options))
        return 0
    for study in studies:
        if wanted is not None or options.seeds is not None:
            study.set_recipe(_recipe_of(study, wanted), options.seeds or study.replicates)
    total = sum(len(study.runs()) for study in studies)
    print(f"{plural(total, 'model')}; {_recipe_of(studies[0]).describe()}", flush=True)
    stopped = _LAUNCHERS[options.on](studies, launcher, options)
    return STOPPED if stopped else 0


def _launch_local(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> bool:
    """Train on this machine's cores or GPUs; whether a signal ended it."""
    from dsx.launch import local

    config = LocalLauncher.from_dict(dict(launcher), "launcher")
    summary = local.launch(
        studies,
        workers=options.workers or config.workers,
        device=options.device,
        retry=options.retry,
        limit=options.limit,
        max_failures=config.max_failures,
        models_per_gpu=config.models_per_gpu,
        limits=local.Limits(config.time_limit_min, config.memory_limit_gb),
        nice=config.nice,
        threads=config.threads,
    )
    return summary.stopped.startswith("stopped")


def _launch_debug(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> bool:
    """Train in this process, one model after another."""
    from dsx.launch import debug

    config = LocalLauncher.from_dict(dict(launcher), "launcher")
    summary = debug.launch(
        studies,
        device=options.device,
        retry=options.retry,
        limit=options.limit,
        max_failures=config.max_failures,
        threads=config.threads,
    )
    return summary.stopped.startswith("stopped")


_LAUNCHERS = {"local": _launch_local, "debug": _launch_debug}


def _recipe_of(study: Study, wanted: Recipe | None = None) -> Recipe:
    """The recipe given, else the study's own. Raises DsxError if there is neither."""
    recipe = wanted or study.recipe
    if recipe is None:
        raise DsxError(f"{study.path}: has no recipe yet; name one, as in: dsx launch {study.path} --recipe digits")
    return recipe


def _preview(studies: Sequence[Study], recipe: Recipe | None, options: LaunchOptions) -> str:
    """What a launch would do."""
    lines = [_recipe_of(studies[0], recipe).describe()]
    for study in studies:
        counts = study.counts()
        seeds = (options.seeds or study.replicates) / study.replicates
        left = int(counts["pending"] * seeds)
        lines.append(
            f"{study.path}: would train {plural(left, 'model')}; "
            + ", ".join(f"{v} {k}" for k, v in counts.items() if v)
        )
    return "\n".join(lines)


def status(folders: Sequence[str], watch: bool, every_s: float = 5.0) -> None:
    """Print the state of studies, once or until interrupted."""
    from dsx.study import status as look

    studies = chosen(folders)
    while True:
        print("\n".join(line for study in studies for line in look.describe(look.status(study))), flush=True)
        if not watch:
            return
        time.sleep(every_s)
        studies = [open_study(study.path) for study in studies]
        print()


def analyze(folders: Sequence[str], out: Path | None, level: float) -> str:
    """Tables and figures of studies; the findings in words."""
    if not 0 < level < 1:
        raise DsxError(f"--level {level}: expected a number between 0 and 1, as in 0.95")
    return analyze_studies(chosen(folders), out, level)


def analyze_studies(studies: Sequence[Study], out: Path | None, level: float, question: str = "") -> str:
    """Write every table as CSV and every figure as PNG and PDF; the table and findings as text."""
    from dsx import analysis, plots

    tables = _tables(studies)
    folder = out or _common_folder(studies) / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    written = analysis.analyze(tables, level)
    for name, table in written.items():
        records.write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode())
    figures = 0
    if any(len(analysis.finished(table)) for table in tables.values()):
        plots.save(plots.edf(tables, level=level), folder, "edf")
        figures = 1
    findings = list(written["comparison"]["words"])
    warnings = analysis.mixed_conditions(tables)
    closing = f"wrote {folder}: {plural(len(written), 'table')} (CSV), {plural(figures, 'figure')} (PNG and PDF)"
    head = [question] if question else []
    return "\n".join([*head, summary_text(written["summary"]), *findings, *warnings, closing])


def _tables(studies: Sequence[Study]) -> dict[str, pd.DataFrame]:
    """Results by a name for each study: its folder's, or its path where two folders have one name."""
    names = [study.path.resolve().name for study in studies]
    paths = [str(study.path) for study in studies]
    if len(set(paths)) < len(paths):
        raise DsxError("a study is named twice: name each one once")
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


def run(name: str, overrides: Sequence[str], device: str) -> int:
    """Sample, train and analyse every space of an experiment; the exit code."""
    experiment = load_experiment(name, overrides)
    studies = sample_experiment(experiment)
    remember(studies)
    code = launch_studies(
        studies, experiment.recipe, experiment.launcher, LaunchOptions(device=device, seeds=experiment.replicates)
    )
    if code == 0:
        print(
            analyze_studies(
                studies, Path(experiment.out) / "analysis", experiment.analysis.level, experiment.description
            )
        )
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

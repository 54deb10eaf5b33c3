"""Launching, watching and cancelling the training of studies, on this machine or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsx.base.errors import DsxError
from dsx.base.text import align, plural
from dsx.base.units import format_number
from dsx.commands.config import LocalLauncher, load_launch
from dsx.commands.selection import chosen
from dsx.recipes.recipe import Recipe
from dsx.study.study import Study, open_study

if TYPE_CHECKING:
    from dsx.launch.slurm.profile import Profile
    from dsx.training.data.check import ImagesFound

STOPPED = 130  # exit code of a command that a signal ended, as shells report Ctrl-C


@dataclass(frozen=True)
class LaunchOptions:
    """Flags of `dsx launch`. on: a launcher's name or file; max_failures: None leaves it to the launcher's file.

    mem_gb, timeout_min: of a cluster's jobs, also as a multiple of the last ones (`2x`). The rest is as in
    `dsx.launch.local.launch`.
    """

    on: str = "local"
    workers: int | None = None
    limit: int | None = None
    seeds: int | None = None
    device: str = "auto"
    retry: tuple[str, ...] = ()
    max_failures: int | None = None
    mem_gb: str | None = None
    timeout_min: str | None = None
    dry_run: bool = False

    def overrides(self) -> list[str]:
        """Those flags that are short for overrides of the launcher."""
        flags = {"mem_gb": self.mem_gb, "timeout_min": self.timeout_min}
        return [f"launcher.{name}={value}" for name, value in flags.items() if value is not None]


def launch(folders: Sequence[str], recipe: str | None, options: LaunchOptions, overrides: Sequence[str]) -> int:
    """Set the recipe where one is given and train what is pending; the exit code."""
    studies = chosen(folders)
    overrides = [*overrides, *options.overrides()]
    if recipe is None and any(text.startswith("recipe") for text in overrides):
        recipe = _common_recipe(studies)
    content = load_launch(recipe, options.on, overrides)
    return launch_studies(studies, content["recipe"] or None, content["launcher"], options)


def _profile(launcher: Mapping[str, Any], studies: Sequence[Study]) -> Profile:
    """A cluster's profile; a factor such as `2x` is of what the last submission asked for."""
    from dsx.launch.slurm.profile import profile_from
    from dsx.launch.slurm.submissions import Submissions

    last = Submissions(studies[0].paths).last()
    return profile_from(launcher, last.profile if last else None)


def _common_recipe(studies: Sequence[Study]) -> str:
    names = {study.recipe.name if study.recipe else None for study in studies}
    if len(names) != 1 or None in names:
        raise DsxError("recipe overrides need a recipe to change: name one with --recipe")
    return str(names.pop())


def launch_studies(
    studies: Sequence[Study], recipe: Mapping[str, Any] | None, launcher: Mapping[str, Any], options: LaunchOptions
) -> int:
    """Train the pending models of these studies with the launcher that `launcher["kind"]` names."""
    kind = launcher.get("kind", "local")
    if kind not in _LAUNCHERS:
        raise DsxError(f"launcher: kind = {kind!r}: expected one of {', '.join(_LAUNCHERS)}")
    if kind == "local":
        from dsx.launch.devices import slots

        slots(options.device, options.workers)  # a device that is not there is told before anything is written
    wanted = None if recipe is None else Recipe.from_dict(dict(recipe), f"recipe {recipe.get('name', '')}")
    planned = [study.with_recipe(_recipe_of(study, wanted), options.seeds or study.replicates) for study in studies]
    if options.dry_run:
        print(_preview(planned, launcher, options))
        return 0
    # a cluster's nodes may see folders that this machine does not
    found = {} if kind == "slurm" else _check_data(planned)
    for study, plan in zip(studies, planned, strict=True):
        study.set_recipe(_recipe_of(plan), plan.replicates)
    total, first = sum(len(study.runs()) for study in studies), _recipe_of(studies[0])
    images = found[first].training_images if first in found else None
    print(f"{plural(total, 'model')}; {first.describe(training_images=images)}", flush=True)
    return STOPPED if _LAUNCHERS[kind](studies, launcher, options) else 0


def _check_data(studies: Sequence[Study]) -> dict[Recipe, ImagesFound]:
    """Say which images each recipe trains and evaluates; raise DataError once, instead of failing every model."""
    from dsx.training.data.check import check_data

    found = {}
    for study in studies:
        recipe = _recipe_of(study)
        if recipe in found or not study.counts()["pending"]:
            continue
        found[recipe] = check_data(recipe)
        recipe.check(study.population[0].architecture, found[recipe].num_classes)
        print("\n".join(found[recipe].lines), flush=True)
    return found


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
        max_failures=_first(options.max_failures, config.max_failures),
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
        max_failures=_first(options.max_failures, config.max_failures),
        threads=config.threads,
    )
    return summary.stopped.startswith("stopped")


def _launch_slurm(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> bool:
    """Submit to SLURM and return."""
    from dsx.launch.slurm.submit import submit

    profile = _profile(launcher, studies)
    submitted = submit(studies, profile, retry=options.retry, limit=options.limit, max_failures=options.max_failures)
    print("\n".join(entry.sentence() for entry in submitted))
    return False


_LAUNCHERS = {"local": _launch_local, "debug": _launch_debug, "slurm": _launch_slurm}


def _first(given: int | None, otherwise: int | None) -> int | None:
    return otherwise if given is None else given


def _recipe_of(study: Study, wanted: Recipe | None = None) -> Recipe:
    """The recipe given, else the study's own. Raises DsxError if there is neither."""
    recipe = wanted or study.recipe
    if recipe is None:
        raise DsxError(f"{study.path}: has no recipe yet; name one, as in: dsx launch {study.path} --recipe digits")
    return recipe


def _preview(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> str:
    """What a launch would do, and what it would cost by some training steps here; no study is changed."""
    recipe = _recipe_of(studies[0])
    lines = [recipe.describe()]
    for study in studies:
        counts = study.counts()
        states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        lines.append(f"{study.path}: would train {plural(counts['pending'], 'model')}; now {states}")
    lines += _cost(studies, recipe, launcher, options)
    if launcher.get("kind") == "slurm":
        lines += _script(studies, launcher, options)
    return "\n".join(lines)


def _cost(studies: Sequence[Study], recipe: Recipe, launcher: Mapping[str, Any], options: LaunchOptions) -> list[str]:
    """Speed of the smallest, median and largest model on this machine's device, and what all of them would take."""
    from dsx.training.preflight import preflight

    architectures = [run.architecture for study in studies for run in study.runs() if run.replicate == 0]
    try:
        workers, place = _workers(studies, launcher, options)
        found = preflight(architectures, recipe, options.device, threads=1, replicates=options.seeds or 1)
    except DsxError as error:
        return [f"cost not measured: {error}"]
    rows = [["", "flops", "images/s", "waiting for data", "peak memory", "device-hours"]]
    for row in found.rows:
        measured = row.images_per_second is not None
        memory = f"{row.peak_memory_bytes / 2**30:.2f} GiB" if row.peak_memory_bytes else "–"
        speed = [f"{row.images_per_second:,.0f}", f"{row.waiting:.0%}"] if measured else [row.note, "–"]
        hours = f"{row.device_hours:.3g}" if row.device_hours is not None else "–"
        rows.append([row.which, format_number(row.flops), *speed, memory, hours])
    lines = [align(rows)]
    if found.device_hours is not None:
        wall = found.wall_hours(workers)
        lines.append(f"{found.device_hours:.3g} device-hours in all; {wall:.3g} h {place}")
    return lines


def _workers(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> tuple[int, str]:
    """How many models would be trained at a time, and where, in words."""
    if launcher.get("kind") == "slurm":
        profile = _profile(launcher, studies)
        runs = sum(study.counts()["pending"] for study in studies)
        jobs = min(profile.max_jobs, -(-runs // (profile.models_per_job * profile.models_per_gpu))) or 1
        return (
            jobs * profile.models_per_gpu,
            f"in {plural(jobs, 'job')} at a time, if nodes are as fast as this machine",
        )
    from dsx.launch.devices import slots

    workers = sum(group.workers for group in slots(options.device, options.workers))
    return workers, f"on {plural(workers, 'worker')} here"


def _script(studies: Sequence[Study], launcher: Mapping[str, Any], options: LaunchOptions) -> list[str]:
    """The jobs that would be submitted, and where their sbatch script lies."""
    from dsx.launch.slurm.submit import submit

    previews = submit(studies, _profile(launcher, studies), retry=options.retry, limit=options.limit, dry_run=True)
    return [f"{entry.sentence()}   (script: {entry.study / 'jobs' / 'preview.sh'})" for entry in previews]


def status(folders: Sequence[str], watch: bool, every_s: float = 5.0) -> None:
    """Print the state of studies and of their jobs, once or until interrupted."""
    from dsx.launch.slurm.status import JobWatch
    from dsx.study import status as look

    studies = chosen(folders)
    watches = [JobWatch(study) for study in studies]
    while True:
        for study, jobs in zip(studies, watches, strict=True):
            print("\n".join([*look.describe(look.status(study)), *jobs.look().lines()]), flush=True)
        if not watch:
            return
        time.sleep(every_s)
        studies = [open_study(study.path) for study in studies]
        print()


def cancel(folders: Sequence[str]) -> str:
    """Cancel the queued and running jobs of studies; what they trained stays and is resumed by the next launch."""
    from dsx.launch.slurm.submit import cancel as cancel_jobs

    studies = chosen(folders)
    submitted = [study for study in studies if (study.paths.jobs / "submissions").is_dir()]
    lines = [
        f"{study.path}: no jobs on a cluster; a local launch ends with Ctrl-C"
        for study in studies
        if study not in submitted
    ]
    if submitted:
        lines += [f"{path}: {plural(count, 'job')} cancelled" for path, count in cancel_jobs(submitted).items()]
    return "\n".join(lines)

"""`dsx launch`: set the recipe where one is given, and train what is pending with any launcher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dsx.base.errors import DsxError
from dsx.base.text import align, plural
from dsx.base.units import format_number
from dsx.commands.config import load_launch
from dsx.commands.selection import chosen
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.registry import read_launcher
from dsx.recipes.recipe import Recipe
from dsx.study.study import Study

STOPPED = 130  # exit code of a command that a signal ended, as shells report Ctrl-C


def launch(
    folders: Sequence[str],
    recipe: str | None,
    on: str,
    options: LaunchOptions,
    overrides: Sequence[str] = (),
    *,
    seeds: int | None = None,
    say: Callable[[str], object] = print,
) -> Launched:
    """Train the pending models of studies; what came of it.

    folders: of the studies; the last ones if empty. recipe: a name or file; None: the studies' own. on: a launcher's
    name, file or kind. seeds: trainings of each model; None: as before. say: told what is trained, before it begins.
    Raises DsxError, before any study is changed, for what can be known by then.
    """
    studies, content = _read(folders, recipe, on, overrides)
    planned = plan(studies, content["recipe"] or None, seeds)
    return launch_studies(studies, planned, read_launcher(content["launcher"]), options, say)


def preview(
    folders: Sequence[str],
    recipe: str | None,
    on: str,
    options: LaunchOptions,
    overrides: Sequence[str] = (),
    *,
    seeds: int | None = None,
) -> str:
    """What `launch` would do, and what it would cost by some training steps here; no study is changed."""
    studies, content = _read(folders, recipe, on, overrides)
    planned = plan(studies, content["recipe"] or None, seeds)
    launcher = read_launcher(content["launcher"])
    would = launcher.preview(planned, options)
    lines = [_recipe_of(planned[0]).describe()]
    for study in planned:
        counts = study.counts()
        states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        lines.append(f"{study.path}: would train {plural(counts['pending'], 'model')}; now {states}")
    return "\n".join([*lines, *_cost(planned, would, options.device, seeds or 1), *would.lines])


def launch_studies(
    studies: Sequence[Study],
    planned: Sequence[Study],
    launcher: Launcher,
    options: LaunchOptions,
    say: Callable[[str], object] = print,
) -> Launched:
    """Train the pending models of these studies as `planned` says; what came of it.

    Everything is checked for all studies before any is changed.
    """
    launcher.check(planned, options)
    for study, plan_ in zip(studies, planned, strict=True):
        study.set_recipe(_recipe_of(plan_), plan_.replicates)
    total = sum(len(study.runs()) for study in studies)
    say(f"{plural(total, 'model')}; {_recipe_of(studies[0]).describe()}")
    launched = launcher.launch(studies, options)
    for line in launched.lines:
        say(line)
    return launched


def exit_code(launched: Launched) -> int:
    """Of a command that launched: STOPPED if a signal ended it, else 0."""
    return STOPPED if launched.by_signal else 0


def plan(studies: Sequence[Study], recipe: Mapping[str, Any] | None, seeds: int | None = None) -> list[Study]:
    """The studies as they would be with this recipe and so many seeds; nothing is written. Raises DsxError."""
    wanted = None if recipe is None else Recipe.from_dict(dict(recipe), f"recipe {recipe.get('name', '')}")
    return [study.with_recipe(_recipe_of(study, wanted), seeds or study.replicates) for study in studies]


def _read(
    folders: Sequence[str], recipe: str | None, on: str, overrides: Sequence[str]
) -> tuple[list[Study], dict[str, dict[str, Any]]]:
    """The studies, and the composed recipe and launcher."""
    studies = chosen(folders)
    if recipe is None and any(text.startswith("recipe") for text in overrides):
        recipe = _common_recipe(studies)
    return studies, load_launch(recipe, on, overrides)


def _common_recipe(studies: Sequence[Study]) -> str:
    names = {study.recipe.name if study.recipe else None for study in studies}
    if len(names) != 1 or None in names:
        raise DsxError("recipe overrides need a recipe to change: name one with --recipe")
    return str(names.pop())


def _recipe_of(study: Study, wanted: Recipe | None = None) -> Recipe:
    """The recipe given, else the study's own. Raises DsxError if there is neither."""
    recipe = wanted or study.recipe
    if recipe is None:
        raise DsxError(f"{study.path}: has no recipe yet; name one, as in: dsx launch {study.path} --recipe digits")
    return recipe


def _cost(planned: Sequence[Study], would: Preview, device: str, seeds: int) -> list[str]:
    """Speed of the smallest, median and largest model on this machine's device, and what all of them would take."""
    from dsx.training.preflight import preflight

    architectures = [run.architecture for study in planned for run in study.runs() if run.replicate == 0]
    try:
        measured = preflight(architectures, _recipe_of(planned[0]), device, threads=1, replicates=seeds)
    except DsxError as error:
        return [f"cost not measured: {error}"]
    rows = [["", "flops", "images/s", "waiting for data", "peak memory", "device-hours"]]
    for row in measured.rows:
        memory = f"{row.peak_memory_bytes / 2**30:.2f} GiB" if row.peak_memory_bytes else "–"
        speed = [row.note, "–"]
        if row.images_per_second is not None:
            speed = [f"{row.images_per_second:,.0f}", f"{row.waiting:.0%}"]
        hours = f"{row.device_hours:.3g}" if row.device_hours is not None else "–"
        rows.append([row.which, format_number(row.flops), *speed, memory, hours])
    lines = [align(rows)]
    if measured.device_hours is not None:
        wall = measured.wall_hours(would.at_once)
        lines.append(f"{measured.device_hours:.3g} device-hours in all; {wall:.3g} h {would.place}")
    return lines

"""`dsx launch`: set the recipe where one is given, and train what is pending with any launcher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dsx.base.errors import DsxError, check_at_least_one
from dsx.base.text import align, plural
from dsx.base.units import format_number, short
from dsx.commands.config import RecipeAsked, launch_changes
from dsx.commands.selection import chosen
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_data_here, recipe_of
from dsx.recipes.base import AnyRecipe
from dsx.recipes.own import recipe_of_command
from dsx.recipes.recipe import Recipe
from dsx.results.states import FINISHED
from dsx.study.study import Study

if TYPE_CHECKING:
    from dsx.training.preflight import Preflight

STOPPED = 130  # exit code of a command that a signal ended, as shells report Ctrl-C


@dataclass(frozen=True)
class LaunchRequest:
    """What `dsx launch` is asked for."""

    folders: Sequence[str]  # of the studies; the last ones if empty
    recipe: RecipeAsked = None
    on: str = "local"  # a launcher's name, file or kind
    options: LaunchOptions = field(default_factory=LaunchOptions)
    overrides: Sequence[str] = ()
    seeds: int | None = None  # trainings of each model; None: as before


def launch(request: LaunchRequest, say: Callable[[str], object] = print) -> Launched:
    """Train the pending models of studies; what came of it. say: told what is trained, before it begins.

    Raises DsxError, before any study is changed, for what can be known by then.
    """
    studies, planned, launcher = read_launch(request)
    launched = launch_studies(studies, planned, launcher, request.options, say)
    if not (any(launched.counts.values()) or launched.submitted or launched.lines or launched.by_signal):
        say(_nothing_trained(studies))
    return launched


def _nothing_trained(studies: Sequence[Study]) -> str:
    """What the models are, where a launch found none to train, and how those that failed are tried again."""
    counts: Counter[str] = Counter()
    for study in studies:
        counts.update(study.counts())
    states = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
    again = "; --retry failed trains the failed again" if counts["failed"] else ""
    return f"nothing trained: {states}{again}"


def preview(request: LaunchRequest) -> str:
    """What `launch` would do, and what it would cost by some training steps here; no study is changed."""
    _, planned, launcher = read_launch(request)
    would = launcher.preview(planned, request.options)
    lines = [recipe_of(planned[0]).describe()]
    for study in planned:
        counts = study.counts()
        states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        lines.append(f"{study.path}: would train {plural(counts['pending'], 'model')}; now {states}")
    return "\n".join([*lines, *_cost(planned, would, request.options.device, request.seeds or 1), *would.lines])


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
    prepare(studies, planned, launcher, options, say)
    launched = launcher.launch(studies, replace(options, say=say))
    for line in launched.lines:
        say(line)
    return launched


def prepare(
    studies: Sequence[Study],
    planned: Sequence[Study],
    launcher: Launcher,
    options: LaunchOptions,
    say: Callable[[str], object] = print,
) -> None:
    """Check everything for all studies, then give them the recipes of `planned`; what is to be trained is told."""
    launcher.check(planned, options)
    # a cluster's nodes may see folders that this machine does not
    images = check_data_here(planned) if launcher.trains_here else {}
    for study, plan_ in zip(studies, planned, strict=True):
        study.set_recipe(recipe_of(plan_), plan_.replicates)
    for checked in images.values():
        say("\n".join(checked.lines))
    total, first = sum(len(study.runs()) for study in studies), recipe_of(studies[0])
    counted = images[first].training_images if isinstance(first, Recipe) and first in images else None
    say(f"{plural(total, 'model')}; {first.describe(training_images=counted)}")


def exit_code(launched: Launched) -> int:
    """Of a command that launched: STOPPED if a signal ended it, else 0.

    Raises DsxError if it trained models and every one failed: what was asked for cannot be had as it is.
    """
    if launched.failed and not any(launched.counts.get(outcome) for outcome in FINISHED):
        count, first = len(launched.failed), launched.failed[0][1]
        failed = "the only model" if count == 1 else f"every one of {count} models"
        raise DsxError(f"{failed} failed, the first by {first.kind}: {first.message}; `dsx status` groups the causes")
    return STOPPED if launched.by_signal else 0


def plan(studies: Sequence[Study], recipes: Sequence[AnyRecipe], seeds: int | None = None) -> list[Study]:
    """The studies as they would be with these recipes and so many seeds; nothing is written. Raises DsxError."""
    check_at_least_one("--seeds", seeds)
    return [
        study.with_recipe(recipe, study.replicates if seeds is None else seeds)
        for study, recipe in zip(studies, recipes, strict=True)
    ]


def read_launch(request: LaunchRequest) -> tuple[list[Study], list[Study], Launcher]:
    """The studies, the same as they are to be trained, and the launcher.

    Without a recipe that is named, each study's own frozen one is what overrides change: no file is looked up.
    """
    studies = chosen(request.folders)
    changes = launch_changes(request.overrides)
    launcher = changes.launcher_or(request.on)
    named = changes.recipe_or(request.recipe)
    recipes = [named or recipe_of(study).with_overrides(changes.recipe) for study in studies]
    return studies, plan(studies, recipes, request.seeds), launcher


def asked_recipe(recipe: str | None, command: str | None) -> RecipeAsked:
    """What a launch is asked for: the name or file of a recipe, or a command line. Raises DsxError for both."""
    if command is None:
        return recipe
    if recipe is not None:
        raise DsxError("--recipe and --command: a recipe says by itself which command trains; give one of them")
    return recipe_of_command(command)


def _cost(planned: Sequence[Study], would: Preview, device: str, seeds: int) -> list[str]:
    """Speed of the smallest, median and largest model on this machine's device, and what all of them would take."""
    from dsx.training.preflight import preflight

    recipe = recipe_of(planned[0])
    if not isinstance(recipe, Recipe):
        return ["cost: told by `dsx status` once some models are done; a training of one's own is not tried beforehand"]
    architectures = [run.architecture for study in planned for run in study.runs() if run.replicate == 0]
    try:
        measured = preflight(architectures, recipe, device, threads=1, replicates=seeds)
    except DsxError as error:
        return [f"cost not measured: {error}"]
    rows = [["", "flops", "images/s", "waiting for data", "peak memory", "device-hours"]]
    for row in measured.rows:
        memory = f"{row.peak_memory_bytes / 2**30:.2f} GiB" if row.peak_memory_bytes else "–"
        speed = [row.note, "–"]
        if row.images_per_second is not None:
            speed = [short(row.images_per_second), f"{row.waiting:.0%}"]
        hours = short(row.device_hours) if row.device_hours is not None else "–"
        rows.append([row.which, format_number(row.flops), *speed, memory, hours])
    lines = [*([measured.note] if measured.note else []), align(rows), *_compiled(measured)]
    wall = measured.wall_hours(would.at_once)
    if measured.device_hours is not None and wall is not None:
        lines.append(f"{short(measured.device_hours)} device-hours in all; {short(wall)} h {would.place}")
    return lines


def _compiled(measured: Preflight) -> list[str]:
    """What torch's compiler costs and brings, where the recipe asks for it."""
    largest, plain = measured.rows[-1], measured.plain
    if plain is None or plain.device_hours is None or largest.device_hours is None:
        return []
    return [
        f"compile: the largest takes {short(largest.device_hours)} device-hours with it,"
        f" {short(largest.compiling_s)} s of them to compile, and {short(plain.device_hours)} without"
        " (recipe.compile=false)"
    ]

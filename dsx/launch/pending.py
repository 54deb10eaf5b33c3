"""Which runs a launch is to train, and whether it can: the same for every launcher."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from dsx.base.errors import DsxError
from dsx.launch import failures
from dsx.launch.options import LaunchOptions
from dsx.recipes.base import AnyRecipe
from dsx.recipes.own import OwnRecipe
from dsx.recipes.recipe import Recipe
from dsx.study.results import Scan
from dsx.study.study import Study
from dsx.training.function import function_of

if TYPE_CHECKING:
    from dsx.training.data.check import ImagesFound

# seconds that the workers of a launch that was just killed may take to be gone
_DYING_S = 0.5


@dataclass(frozen=True)
class PendingRun:
    """One run of one study that is to be trained."""

    study: Study
    run_id: str


def check_studies(studies: Sequence[Study], options: LaunchOptions) -> None:
    """Raises DsxError if there is no study, one has no recipe yet, or a word of `retry` names nothing."""
    if not studies:
        raise DsxError("no study given: `dsx sample` makes one")
    for study in studies:
        recipe_of(study)
    failures.check_retry(options.retry, (run_id for study in studies for run_id in study.runs().ids))


def recipe_of(study: Study) -> AnyRecipe:
    """Raises DsxError if the study has none yet."""
    if study.recipe is None:
        raise DsxError(f"{study.path}: has no recipe yet; name one: dsx launch {study.path} --recipe digits")
    return study.recipe


def modules_of(studies: Sequence[Study], options: LaunchOptions) -> tuple[str, ...]:
    """What the training of these studies loads sooner or later: to be loaded once, by what workers are forked from."""
    if options.trainer is not None:
        return (options.trainer.partition(":")[0],)
    modules: dict[str, None] = {}
    for recipe in [study.recipe for study in studies if study.recipe is not None]:
        if not isinstance(recipe, Recipe):
            modules[recipe.trainer.partition(":")[0]] = None
            continue
        modules["dsx.training.preload"] = None
        if recipe.data.streams or recipe.augmentation.automatic != "none":
            modules["torchvision.transforms.v2"] = None
    return tuple(modules)


def check_data_here(studies: Sequence[Study]) -> dict[Recipe, ImagesFound]:
    """The images of every recipe that something is pending of, looked at once for each state of their files.

    Raises DataError once, instead of failing every model, if they are not on this machine or cannot be trained on;
    DsxError if a program or function of the user's is not here.
    """
    images: dict[Recipe, ImagesFound] = {}
    for study in studies:
        recipe = study.recipe
        if recipe is not None and recipe not in images and study.counts()["pending"]:
            checked = check_recipe_here(recipe)
            if isinstance(recipe, Recipe) and checked is not None:
                images[recipe] = checked
                recipe.check(study.population[0].architecture, checked.num_classes)
    return images


def check_recipe_here(recipe: AnyRecipe) -> ImagesFound | None:
    """The images of dsx's own training; of the user's own, whether its program or function is here. Raises DsxError."""
    if isinstance(recipe, OwnRecipe):
        recipe.check_program()
        if recipe.function is not None:
            function_of(recipe)
    if not isinstance(recipe, Recipe):
        return None
    from dsx.training.data.check import check_data

    try:
        return check_data(recipe)
    except SystemExit as error:  # of a data set of the user's
        raise DsxError(
            f"data set {recipe.data.dataset}: ended the program (sys.exit({error.code!r})) while its images"
            " were looked at: raise an exception instead"
        ) from error


def wanted(scan: Scan, options: LaunchOptions) -> list[str]:
    """Runs of one study that are pending, or failed and to be retried, in the order in which they are trained."""
    return [
        run_id
        for run_id, state in scan.states.items()
        if (options.run_ids is None or run_id in options.run_ids)
        and (state == "pending" or (state == "failed" and failures.may_train(scan.failures[run_id], options.retry)))
    ]


def pending_runs(studies: Sequence[Study], options: LaunchOptions) -> list[PendingRun]:
    """What is to be trained; the studies take turns, so that they progress alike. `limit` is left to the caller."""
    lists = []
    for study in studies:
        scan = study.scan(only=options.run_ids)
        if any(holder is not None and holder.alive for holder in scan.holders.values()):
            time.sleep(_DYING_S)
            scan = study.scan(only=options.run_ids)
        lists.append([PendingRun(study, run_id) for run_id in wanted(scan, options)])
    return [run for turn in zip_longest(*lists) for run in turn if run is not None]


def limited(runs: list[PendingRun], options: LaunchOptions) -> list[PendingRun]:
    """At most as many as the launch may train."""
    return runs if options.limit is None else runs[: options.limit]

"""`dsx confirm`: the best models of a study are trained anew, with seeds of their own, to see what was luck."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsx.analysis.confirmation import Confirmation, confirm, confirmation_in_words
from dsx.analysis.number_words import number
from dsx.base import files
from dsx.base.errors import DsxError, check_at_least_one
from dsx.base.text import align, plural
from dsx.commands.config import launch_changes
from dsx.commands.launch import exit_code, launch_studies, plan
from dsx.launch.options import LaunchOptions
from dsx.recipes.metric import ERROR, Metric
from dsx.results.states import finished
from dsx.study.paths import StudyPaths
from dsx.study.results import evaluation_images
from dsx.study.runs import training_seed
from dsx.study.study import Study, open_study

CONFIRMS = "confirms"


@dataclass(frozen=True)
class ConfirmRequest:
    """What `dsx confirm` is asked for."""

    study: str
    top: int = 10
    seeds: int = 3
    recipe: str | None = None  # a name or file; None: the study's own
    on: str = "local"
    options: LaunchOptions = field(default_factory=LaunchOptions)
    out: Path | None = None  # the new study's folder
    overrides: Sequence[str] = ()  # `recipe.…` and `launcher.…`

    def __post_init__(self) -> None:
        check_at_least_one("--top", self.top)
        check_at_least_one("--seeds", self.seeds)


@dataclass(frozen=True)
class Confirmed:
    """The study of the winners and what came of it. confirmation: None while trainings are missing. code: exit code."""

    study: Study
    left: int
    confirmation: Confirmation | None
    code: int

    def text(self) -> str:
        """A table of the models and what was luck, in words; or what is still to come."""
        if self.confirmation is None:
            return f"{plural(self.left, 'training')} still to come: the same command goes on, and tells what was luck"
        metric = _metric(self.study)
        said = confirmation_in_words(self.confirmation, metric)
        return "\n".join([_table(self.confirmation, metric), *said, f"wrote {table_path(self.study)}"])


def confirm_winners(request: ConfirmRequest, say: Callable[[str], object] = print) -> Confirmed:
    """Train the best models of a study with fresh seeds, as a study beside it, and tell what was luck.

    The winners are chosen once: the same command goes on with them, whatever was trained in the first study meanwhile.
    Raises DsxError.
    """
    before = open_study(request.study)
    changes = launch_changes(request.overrides)
    recipe = changes.recipe_or(request.recipe)
    if recipe is None:
        if before.recipe is None:
            raise DsxError(f"{before.path}: has no recipe yet, so no model of it was trained: dsx launch {before.path}")
        recipe = before.recipe.with_overrides(changes.recipe)
    same = before.recipe is not None and recipe.identity() == before.recipe.identity()
    launcher = changes.launcher_or(request.on)
    study = winners(before, request.top, request.out or _folder(before, None if same else recipe.name))
    planned = plan([study], [recipe], max(request.seeds, study.replicates))
    launched = launch_studies([study], planned, launcher, request.options, say)
    code = exit_code(launched)
    if left := study.left():
        return Confirmed(study, left, None, code)
    images = evaluation_images(study.paths, study.runs())
    confirmation = confirm(before.results(), study.results(), same, images, metric=_metric(study))
    files.write_bytes(table_path(study), confirmation.table.to_csv(index=False).encode())
    return Confirmed(study, 0, confirmation, code)


def table_path(study: Study) -> Path:
    """The CSV of the models before and anew."""
    return study.paths.analysis / "confirmation.csv"


def winners(before: Study, top: int, folder: Path) -> Study:
    """The study of the best models in that folder: the one that is there, or a new one, the lowest error first.

    One that has fewer models gets the best of the others too; one that has more stays. Its seed follows from that of
    the first study, so that no training has a seed that it had before.
    """
    origin = os.path.relpath(before.path, folder)
    earlier: list[str] = []
    if StudyPaths(folder).definition.exists():
        there = open_study(folder)
        if there.request.get(CONFIRMS) == origin:
            earlier = there.population.model_ids
            if len(earlier) >= top:
                return there
    population = before.population
    if "recipe.seed" in population.settings:
        raise DsxError(f"{before.path}: its space samples the seed, so its models cannot be trained with fresh ones")
    models = finished(before.results()).sort_values("error", kind="stable")
    if len(models) < top:
        raise DsxError(
            f"--top {top}: {before.path} has {plural(len(models), 'finished model')}: train more, or ask for fewer"
        )
    row_of = {model_id: row for row, model_id in enumerate(population.model_ids)}
    best = [*earlier, *(model_id for model_id in models["model_id"] if model_id not in earlier)][:top]
    chosen = population.some([row_of[model_id] for model_id in best])
    request = {**before.request, "n": top, CONFIRMS: origin}
    return Study.create(folder, chosen, before.definition, request, fresh_seed(before.seed))


def fresh_seed(seed: int) -> int:
    """A study's seed that gives every training another one than `seed` does; in [0, 2**31)."""
    return training_seed(seed, CONFIRMS) % 2**31


def _metric(study: Study) -> Metric:
    return ERROR if study.recipe is None else study.recipe.measures[0]


def _folder(before: Study, recipe: str | None) -> Path:
    folder = before.path if before.path.name else before.path.resolve()
    return folder.with_name("-".join(filter(None, [before.path.resolve().name, "confirmed", recipe])))


def _table(confirmation: Confirmation, metric: Metric) -> str:
    unit = metric.unit_after
    rows = [["", "model", f"before{unit}", f"anew{unit}", "change", "seeds", "rank anew"]]
    for place, row in enumerate(confirmation.table.to_dict("records"), 1):
        value, low, high = metric.interval(row["anew"], row["low"], row["high"])
        anew = f"{value:.2f}" + ("" if low != low else f" ({number(low, 2)}–{number(high, 2)})")
        change = row["change"] if metric.better == "lower" else -row["change"]
        before = f"{metric.from_error(row['before']):.2f}"
        cells = [before, anew, number(change, 2), f"{row['seeds']}", f"{row['rank']}"]
        rows.append([str(place), row["model_id"], *cells])
    return align(rows)

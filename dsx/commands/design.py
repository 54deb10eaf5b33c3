"""`dsx design`: the walk from a wide space to a good one, its models trained in studies by any launcher."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsx.analysis.verdict import parse_margin
from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.base.units import short
from dsx.commands.config import launch_changes
from dsx.commands.launch import exit_code, plan, prepare
from dsx.commands.until import RoundTrainer
from dsx.designing.account import told, told_step
from dsx.designing.folder import DesignFolder
from dsx.designing.journal import Journal
from dsx.designing.models import Batch, PausedError
from dsx.designing.plan import Ending, WalkPlan
from dsx.designing.record import KeptModels
from dsx.designing.walk import Walk, check_accept
from dsx.launch.launcher import Launcher
from dsx.launch.options import LaunchOptions
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import Recipe, read_recipe
from dsx.results.arrays import Table
from dsx.spaces.definition import Space, load_space
from dsx.study.paths import StudyPaths, study_folders
from dsx.study.study import Study, open_study


@dataclass(frozen=True)
class DesignRequest:
    """What `dsx design` is asked for. space, recipe and the rest of the plan: None: as in the folder, or by default."""

    out: Path
    space: str | None = None
    recipe: str | None = None
    models: int | None = None
    hours: float | None = None
    seed: int | None = None
    level: float | None = None
    margin: str | None = None
    on: str = "local"
    options: LaunchOptions = field(default_factory=LaunchOptions)
    overrides: Sequence[str] = ()  # `recipe.…` and `launcher.…`
    propose_only: bool = False
    accept: int | None = None  # number of a candidate to take by hand


@dataclass(frozen=True)
class Designed:
    """What came of it, in words, and the exit code."""

    lines: tuple[str, ...]
    code: int = 0


def design(request: DesignRequest, say: Callable[[str], object] = print) -> Designed:
    """Walk on from where the folder stands to the end, the next proposal, or until it is stopped. Raises DsxError."""
    space, planned, recipe = _asked(request)
    launcher = launch_changes(request.overrides).launcher_or(request.on)
    folder = DesignFolder(request.out)
    files.check_writable(request.out, "name another with --out")
    check_accept(folder.journal(), request.accept)
    folder.keep(space, planned, recipe.to_dict())
    source = StudySource(request.out, recipe, launcher, request.options, say)
    walk = Walk(space, planned, source, folder.journal(), folder.wanted(), lambda step: say(told_step(step)[0].strip()))
    ending: Ending | None = None
    with contextlib.suppress(PausedError):
        ending = walk.run(request.propose_only, request.accept)
    folder.write_chain(walk.chain, walk.steps)
    lines = told(walk, ending)
    if ending is None:
        lines.append("stopped: the same command goes on")
    if walk.known:
        from dsx.report.walk import write_walk

        again = f"dsx design --out {shlex.quote(str(request.out))}"
        lines.append(f"wrote {write_walk(request.out, walk, ending, again)}")
    return Designed(tuple(lines), exit_code(source.trainer.launched()))


def preview(request: DesignRequest) -> str:
    """What would be trained next, and what that would cost; nothing is written."""
    space, planned, recipe = _asked(request)
    folder = DesignFolder(request.out)
    source = TrainedModels(request.out, recipe)
    walk = Walk(space, planned, source, Journal.in_memory(folder.journal().records), folder.wanted())
    try:
        ending = walk.run(request.propose_only, request.accept)
    except PausedError:
        return "\n".join([*_so_far(walk), *_next_round(walk, source.missing, recipe, request.options.device)])
    return "\n".join([*told(walk, ending), "nothing would be trained"])


def _asked(request: DesignRequest) -> tuple[Space, WalkPlan, AnyRecipe]:
    """The space, plan and recipe: those of the folder where there is a walk, changed by what is asked for."""
    folder = DesignFolder(request.out)
    changes = launch_changes(request.overrides)
    named = changes.recipe_or(request.recipe)
    given = {name: getattr(request, name) for name in ("models", "hours", "seed", "level")}
    given |= {"margin": parse_margin(request.margin) if request.margin is not None else None}
    given = {name: value for name, value in given.items() if value is not None}
    if not folder.exists():
        folder.check_no_study()
        if request.space is None:
            folder.read()  # raises: there is no walk
        if named is None:
            raise DsxError("--recipe: needed to begin a walk: a recipe's name or file, as in --recipe digits")
        return load_space(str(request.space)), WalkPlan(**given), named
    space, planned, content = folder.open()
    if content is None:
        raise DsxError(
            f"{request.out}: holds a walk over errors that a function gives; go on with dsx.design in Python"
        )
    recipe = read_recipe(content, where=str(folder.request)).with_overrides(changes.recipe)
    return (
        load_space(request.space) if request.space is not None else space,
        replace(planned, **given),
        named or recipe,
    )


class TrainedModels:
    """Reads the models of a walk's studies, one for each batch, and stops at the first that are to be trained."""

    def __init__(self, folder: Path, recipe: AnyRecipe) -> None:
        self._folder, self._recipe, self._kept = folder, recipe, KeptModels(folder)
        self.metric = recipe.measures[0]
        self.missing: list[Batch] = []

    def tables(self, batches: Sequence[Batch]) -> list[Table]:
        rests = [self._kept.rest(batch) for batch in batches]
        missing = [rest for rest in rests if len(rest.population)]
        studies = {rest.name: _there(self._folder, rest) for rest in missing}
        if any(study is None or study.left() for study in studies.values()):
            studies = dict(zip(studies, self._trained(missing), strict=True))
        tables = []
        for batch, rest in zip(batches, rests, strict=True):
            study = studies.get(rest.name)
            trained = study.results().iloc[: len(rest.population)] if study is not None else None
            tables.append(self._kept.with_kept(batch, trained))
        return tables

    def _trained(self, missing: list[Batch]) -> list[Study]:
        self.missing = missing
        raise PausedError


class StudySource(TrainedModels):
    """Trains what is missing, with any launcher."""

    def __init__(
        self, folder: Path, recipe: AnyRecipe, launcher: Launcher, options: LaunchOptions, say: Callable[[str], object]
    ) -> None:
        super().__init__(folder, recipe)
        self._launcher, self._options, self._say = launcher, options, say
        self.trainer = RoundTrainer(launcher, options, say)

    def _trained(self, missing: list[Batch]) -> list[Study]:
        studies = [_there(self._folder, batch) or _study_of(self._folder, batch) for batch in missing]
        prepare(studies, plan(studies, [self._recipe] * len(studies)), self._launcher, self._options, self._say)
        self._say = lambda _: None  # what is trained is told once
        if not self.trainer.train(studies, max(len(study.population) for study in studies)):
            raise PausedError
        return studies


def _study_of(folder: Path, batch: Batch) -> Study:
    """The study of a batch, made or grown."""
    request = {
        "n": len(batch.population),
        "constraints": batch.space.constraint_texts,
        "resolution": batch.space.resolution,
        "num_classes": batch.space.num_classes,
    } | ({"without": batch.without} if batch.without else {})
    return Study.create(folder / batch.name, batch.population, batch.space.to_dict(), request, batch.seed)


def _there(folder: Path, batch: Batch) -> Study | None:
    """The study of a batch if it has all of its models."""
    path = folder / batch.name
    if not StudyPaths(path).definition.exists():
        return None
    study = open_study(path)
    return study if len(study.population) >= len(batch.population) else None


def _so_far(walk: Walk) -> list[str]:
    """The chain and the models of a walk that is under way."""
    taken = sum(step.taken for step in walk.steps)
    return [
        " → ".join(space.name for space in walk.chain),
        f"{plural(walk.spent, 'model')} trained of {walk.plan.models:,}; {plural(taken, 'step')} taken,"
        f" {plural(walk.failures, 'candidate')} tested and not taken",
    ]


def _next_round(walk: Walk, batches: Sequence[Batch], recipe: AnyRecipe, device: str) -> list[str]:
    """What comes next, in words, and what its models cost by some training steps here."""
    from dsx.training.preflight import preflight

    lines = [walk.doing]
    lines += [f"next: {plural(len(b.population), 'model')} of {b.space.name} in {b.name}" for b in batches]
    networks = [model.architecture for batch in batches for model in batch.population]
    if not isinstance(recipe, Recipe):
        return [*lines, "cost: known once models are trained; a training of one's own is not tried beforehand"]
    try:
        measured = preflight(networks, recipe, device, threads=1)
    except DsxError as error:
        return [*lines, f"cost not measured: {error}"]
    if measured.device_hours is not None:
        each = measured.device_hours / len(networks)
        lines.append(
            f"{short(measured.device_hours)} device-hours for these {plural(len(networks), 'model')};"
            f" {short(each * walk.left())} for all {walk.left():,} that are left of the budget"
        )
    return lines


def standing(folder: Path) -> list[str]:
    """Where a walk stands, by its folder alone: round, candidate, and what is left."""
    place = DesignFolder(folder)
    _, planned, _ = place.open()
    records = place.journal().records
    trained = sum(sum(s.counts().values()) - s.left() for s in studies_in(folder))
    trained += sum(map(len, KeptModels(folder).tables))
    lines = [f"{folder}: {_round_in_words(records)}"]
    tests = [record for record in records if record["kind"] == "verdict"]
    taken = sum(record["looks"][-1]["outcome"] != "undecided" for record in tests)
    by_hand = sum(record["kind"] == "by hand" for record in records)
    hand = f", {by_hand} by hand" if by_hand else ""
    lines.append(
        f"  {plural(taken, 'step')} taken{hand}, {plural(len(tests) - taken, 'candidate')} tested and not taken"
    )
    lines.append(
        f"  {plural(trained, 'model')} of {planned.models:,} trained, {max(0, planned.models - trained):,} left"
    )
    return lines


def _round_in_words(records: Sequence[dict[str, Any]]) -> str:
    """What the last decision was."""
    rounds = sum(record["kind"] == "proposal" for record in records)
    proposal = next((record for record in reversed(records) if record["kind"] == "proposal"), None)
    last = records[-1] if records else None
    if last is None:
        return "not begun"
    if last["kind"] == "round":
        return f"round {rounds + 1}: trains {plural(last['models'], 'model')} of {last['space']} to propose by"
    if last["kind"] == "test" and proposal is not None:
        words = proposal["candidates"][last["candidate"] - 1]["words"]
        looks = ", ".join(map(str, last["looks"]))
        return f"round {rounds}: tests candidate {last['candidate']}, {words} (looks at {looks} models of each side)"
    space = proposal["space"] if proposal is not None else ""
    what = {"proposal": "proposed", "verdict": "decided on a candidate", "by hand": "took a candidate by hand"}
    return f"round {rounds}: {what[last['kind']]} in {space}"


def studies_in(folder: Path) -> Iterator[Study]:
    """The studies of a walk, in order."""
    return map(open_study, study_folders(folder))

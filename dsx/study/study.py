"""A study: one population, one recipe, its results, in one folder that is the only state."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dsx
from dsx.base import nested
from dsx.base.errors import DsxError, StudyError, check_whole
from dsx.base.provenance import git_commit
from dsx.results.arrays import Table
from dsx.spaces.definition import Space, completed
from dsx.spaces.identity import definition_hash
from dsx.spaces.plugins import load_plugins
from dsx.spaces.population import Population
from dsx.spaces.sampling import draw_population
from dsx.study import results, timings
from dsx.study.changing import changing
from dsx.study.claims import Holder
from dsx.study.finished import write_cache
from dsx.study.manifest import PaperErrors, StudyFile, difference, grown, read_manifest, told_difference, write_manifest
from dsx.study.paths import StudyPaths
from dsx.study.results import Failure, Scan
from dsx.study.runs import Runs

if TYPE_CHECKING:
    from dsx.recipes.base import AnyRecipe


class Study:
    """An existing study. Use `Study.create` or `open_study`."""

    def __init__(self, paths: StudyPaths, file: StudyFile) -> None:
        load_plugins(file.space)  # a user's own blocks, from the frozen source, before any architecture is read
        self.paths = paths
        self.path = paths.root  # the folder, as it was given
        self._hold(file)

    def _hold(self, file: StudyFile) -> None:
        """Be as study.yaml says now; what follows from it is read again when asked for."""
        self._file = file
        self.name = file.name  # the folder's when the study was made
        self.definition = file.space  # the space's, fully merged
        self.request = file.request  # what was asked of the sampler
        self.seed = file.seed  # of the population and, with model and replicate, of every training
        self.replicates = file.replicates  # how often each model is trained, each time with another seed
        self.paper = file.paper  # what a paper reports of this population, if the experiment that made it says so
        self.history = file.history  # the sizes that it had before it grew, oldest first
        self._population: Population | None = None
        self._recipe: AnyRecipe | None = None
        self._runs: Runs | None = None

    @classmethod
    def create(
        cls,
        path: str | Path,
        population: Population,
        definition: Mapping[str, object],
        request: Mapping[str, object],
        seed: int,
    ) -> Study:
        """Write study.yaml and population.parquet; or return the study that is there, if it is of this request.

        definition: the space, fully merged. request: n, constraint, resolution, classes. A study of the same request
        with a smaller n grows: its models are the first of the larger population. A study of another request is
        replaced while no model has started. Raises StudyError, with what differs, once one has.
        """
        paths = StudyPaths(Path(path))
        file = StudyFile(
            name=Path(path).resolve().name,
            dsx=dsx.__version__,
            git_commit=git_commit(),
            space=nested.plain(definition),
            space_hash=definition_hash(completed(definition)),
            request=nested.plain(request),
            seed=seed,
            population=nested.content_hash(population.model_ids),
        )
        if paths.definition.exists():
            if (same := _of_this_request(path, file)) is not None:
                return same
            with changing(paths):
                there = cls._existing(path, paths, file, population)
            if there is not None:
                return there
        elif results.any_started(paths):
            raise StudyError(f"{path}: has trained models but no study.yaml; choose another folder with --out")
        population.write(paths.population)
        write_manifest(paths, file)
        return cls(paths, file)

    @classmethod
    def _existing(cls, path: str | Path, paths: StudyPaths, file: StudyFile, population: Population) -> Study | None:
        """The study that is there, grown if more of the same is asked for; None where a replaceable one is now gone."""
        try:
            there = open_study(path)
        except DsxError:
            if results.any_started(paths):
                raise
        else:
            if not difference(there._file, file):  # another command made it so since we looked
                return there
            more = there.request.get("n", math.inf) < file.request.get("n", 0)
            if more and not difference(there._file, file, but=("request.n", "population")):
                return _grow(there, population, file)
            if results.any_started(paths):
                raise StudyError(
                    f"{path}: holds a study of another request whose models have started"
                    f" ({difference(there._file, file)}); choose another folder with --out, or delete this one"
                )
        # a definition beside a population of another request would be worse than none
        paths.definition.unlink()
        return None

    def grow(self, n: int, allow_short: bool = False) -> Study:
        """The study with its first n models: drawn on from its own definition, window and seed, if it has fewer.

        Results stay, and workers that train it may go on. Raises StudyError for a study that was not sampled from a
        space, and ShortfallError if the space has fewer models, unless allow_short; DsxError as `Study.create` does.
        """
        check_whole("n", n, 1, math.inf, "an integer ≥ 1")
        if n <= self.request.get("n", 0):
            return self
        if "parameters" not in self.definition:
            raise StudyError(f"{self.path}: was not sampled from a space, so it cannot grow")
        space = Space.from_dict(self.definition, str(self.paths.definition))
        sampling = draw_population(space, n, seed=self.seed, allow_short=allow_short)
        return Study.create(self.path, sampling.population, self.definition, {**self.request, "n": n}, self.seed)

    @property
    def space_hash(self) -> str:
        """Hash of the definition, as `Space.definition_hash`."""
        return definition_hash(completed(self._file.space))

    @property
    def made_by(self) -> str:
        """The version of dsx that sampled it, and its commit where it ran from a checkout."""
        commit = self._file.git_commit
        return f"dsx {self._file.dsx}" + (f", commit {commit}" if commit else "")

    @property
    def population(self) -> Population:
        """Read when asked for. Raises StudyError if it is torn or of another request than study.yaml."""
        if self._population is not None:
            return self._population
        population = Population.read(self.paths.population)
        if nested.content_hash(population.model_ids) != self._file.population:
            population = population.first(self.request.get("n", 0))  # it grew since study.yaml was read
        if nested.content_hash(population.model_ids) != self._file.population:
            raise StudyError(
                f"{self.paths.population}: is not the population that study.yaml describes;"
                " restore it from a copy, or sample again into another folder"
            )
        self._population = population
        return population

    @property
    def recipe(self) -> AnyRecipe | None:
        """The recipe; None until one is set by the first launch."""
        from dsx.recipes.recipe import read_recipe  # the package below ours: only its plain type is needed here

        if self._recipe is None and self._file.recipe is not None:
            self._recipe = read_recipe(self._file.recipe, where=str(self.paths.definition))
        return self._recipe

    def set_recipe(self, recipe: AnyRecipe, replicates: int = 1) -> None:
        """Fix the recipe, as `with_recipe` checks it. The same again changes nothing."""
        if self.with_recipe(recipe, replicates)._file != self._file:
            with changing(self.paths):
                self._hold(open_study(self.path).with_recipe(recipe, replicates)._file)
                write_manifest(self.paths, self._file)

    def with_recipe(self, recipe: AnyRecipe, replicates: int = 1) -> Study:
        """The study as it would be with this recipe; nothing is written. More replicates may be asked for at any time.

        Raises StudyError, with what differs, if models have started under a recipe that gives other results,
        and DsxError if the networks do not fit the recipe's data.
        """
        if replicates < 1:
            raise StudyError(f"replicates = {replicates}: expected an integer ≥ 1")
        recipe = recipe.at_resolution(self.population.resolution)
        before = self.recipe
        if before is not None and results.any_started(self.paths):
            differing = told_difference(before.identity(), recipe.identity())
            if replicates < self.replicates:
                differing = differing or f"replicates: {self.replicates} → {replicates}"
            if differing:
                raise StudyError(
                    f"{self.path}: models have started with another recipe ({differing});"
                    " launch with that one, or sample into another folder with --out"
                )
        recipe.check(self.population[0].architecture)
        results.check_metrics(recipe, self.population)
        _ = Runs(self.population, self.seed, recipe)[0].recipe  # what the space samples must be settings of it
        update: dict[str, object] = {"replicates": replicates}
        if before != recipe:
            update["recipe"] = recipe.to_dict()
        changed = Study(self.paths, self._file.model_copy(update=update))
        changed._population = self.population  # not to be read once more
        return changed

    def set_paper(self, paper: PaperErrors) -> None:
        """Keep a paper's numbers with the study, for the analysis to show beside its own; no part of its identity."""
        if self._file.paper != paper:
            with changing(self.paths):
                self._hold(open_study(self.path)._file.model_copy(update={"paper": paper}))
                write_manifest(self.paths, self._file)

    def runs(self) -> Runs:
        """All runs, in the order in which they are trained."""
        if self._runs is None:
            self._runs = Runs(self.population, self.seed, self.recipe, self.replicates)
        return self._runs

    def scan(self, ended: Callable[[Holder], bool] | None = None, only: Collection[str] | None = None) -> Scan:
        """One look at the files: states, failures, holders, problems. only: run ids to look at.

        ended: see `claims.ClaimRecord.is_stale`.
        """
        if only is not None:
            places = [place for place, run_id in enumerate(self.runs().ids) if run_id in only]
            return results.scan(self.paths, self.runs().some(places), ended)
        scan_now = results.scan(self.paths, self.runs(), ended)
        if scan_now.fresh > len(scan_now.finished) // 50:
            table = results.results_table(self.population, self.runs(), scan_now)
            write_cache(self.paths.results, table, scan_now.finished)
        return scan_now

    def states(self) -> dict[str, str]:
        """run_id → pending, running, done, diverged or failed."""
        return self.scan().states

    def counts(self) -> dict[str, int]:
        """State → number of runs, for all five states."""
        return self.scan().counts()

    def left(self) -> int:
        """Number of runs that are pending or running."""
        counts = self.counts()
        return counts["pending"] + counts["running"]

    def failures(self) -> list[Failure]:
        """Why each failed run failed."""
        return list(self.scan().failures.values())

    def results(self) -> Table:
        """One row per run, whatever its state; columns as `results_table` says. Also kept as results.parquet."""
        scan_now = results.scan(self.paths, self.runs())
        table = results.results_table(self.population, self.runs(), scan_now)
        if scan_now.fresh:
            write_cache(self.paths.results, table, scan_now.finished)
        return timings.join(table, timings.read(self.paths))

    def keep_timings(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Add measured times: model_id and the fields of `dsx.networks.timing.Timing`; `results` then shows them."""
        timings.keep(self.paths, rows)

    def curves(self) -> Table:
        """One row per finished run and epoch: run_id, model_id, epoch and what the trainer noted."""
        return results.curves_table(self.paths, self.runs())


def open_study(path: str | Path) -> Study:
    """The study in that folder. Raises StudyError if there is none, or its study.yaml is torn or foreign."""
    if not isinstance(path, str | os.PathLike) or path == "":
        raise StudyError(f"{path!r}: expected the folder of a study, such as runs/AnyNetXE")
    paths = StudyPaths(Path(path))
    return Study(paths, read_manifest(paths, path))


def _of_this_request(path: str | Path, file: StudyFile) -> Study | None:
    """The study in that folder if it is of the very same request: looked at without a turn, as nothing changes."""
    try:
        there = open_study(path)
    except DsxError:
        return None
    return None if difference(there._file, file) else there


def _grow(study: Study, population: Population, file: StudyFile) -> Study:
    """Append to a study what a larger request drew, in its turn; results and claims are not touched.

    population.parquet comes first: until study.yaml names the new models, readers take the rows that it does name.
    """
    before, now = study.population.model_ids, population.model_ids
    if now[: len(before)] != before:
        raise StudyError(
            f"{study.path}: cannot grow: its {len(before)} models, drawn by {study.made_by}, are not the first of those"
            f" that dsx {dsx.__version__} draws; choose another folder with --out"
        )
    larger = grown(study._file, file, len(before))
    population.write(study.paths.population)
    write_manifest(study.paths, larger)
    return Study(study.paths, larger)

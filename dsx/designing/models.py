"""Where the models of a walk come from, and their errors: fresh draws, and whoever evaluates them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from dsx.base.errors import DsxError
from dsx.recipes.metric import PLAIN_ERROR, Metric
from dsx.results.arrays import Table
from dsx.spaces.conditional import Columns
from dsx.spaces.definition import Space
from dsx.spaces.population import Model, Population
from dsx.spaces.sampling import draw_population

# models drawn at most to find those that a rule keeps
_MOST_DRAWN = 1 << 15


class PausedError(Exception):
    """The walk cannot go on now: training was stopped. The folder holds all there is, and the walk goes on from it."""


@dataclass(frozen=True)
class Batch:
    """Models of one space that are wanted."""

    name: str  # unique in its walk
    space: Space
    population: Population
    seed: int  # that they were drawn with
    without: str = ""  # the narrower space whose models were left out, if any

    def first(self, n: int) -> Batch:
        """The first n of them."""
        return replace(self, population=self.population.first(n))


class Source(Protocol):
    """Whoever evaluates models: trains them in studies, or asks a function. metric: what the errors are of."""

    metric: Metric

    def tables(self, batches: Sequence[Batch]) -> list[Table]:
        """A results table of each batch: a row per model in the order drawn, `state` and `error` as in a study's.

        What was evaluated before is not evaluated again. Raises PausedError if it has to end before all are there.
        """
        ...


def fresh(
    space: Space, n: int, seed: int, seen: Collection[str] = (), keep: Callable[[Columns], np.ndarray] | None = None
) -> Population:
    """The first n models of a space's sequence that were not seen before; all there are, if fewer.

    seen: ids of models. keep: columns of settings → (n,) bool, which of them count; None: all. The first of a larger n
    are those of a smaller. Raises ShortfallError if the space holds no model.
    """
    asked = n + 8
    while True:
        population = draw_population(space, asked, seed, allow_short=True).population
        good = np.array([model_id not in seen for model_id in population.model_ids])
        if keep is not None:
            good &= keep(population.settings)
        rows = np.flatnonzero(good)[:n]
        if rows.size == n or len(population) < asked or asked >= _MOST_DRAWN:
            return population.some(rows.tolist())
        asked = min(_MOST_DRAWN, math.ceil(asked * min(8.0, 1.3 * n / max(rows.size, 1))))


class FunctionSource:
    """Errors from a function; kept in a folder, a line a model, if there is one."""

    metric = PLAIN_ERROR

    def __init__(self, evaluate: Callable[[Model], float], folder: Path | None = None) -> None:
        self._evaluate = evaluate
        self._folder = folder
        self._errors: dict[str, float] = {}
        if folder is not None and (folder / "errors.jsonl").exists():
            self._errors = _read_errors(folder / "errors.jsonl")

    def tables(self, batches: Sequence[Batch]) -> list[Table]:
        return [self._table(batch) for batch in batches]

    def _table(self, batch: Batch) -> Table:
        population = batch.population
        errors = [self._error(population, row) for row in range(len(population))]
        states = np.where(np.isfinite(errors), "done", "failed")
        return population.table.assign(error=np.asarray(errors, dtype=float), state=states)

    def _error(self, population: Population, row: int) -> float:
        model_id = population.model_ids[row]
        if model_id not in self._errors:
            given = self._evaluate(population[row])
            try:
                error = float(given)
            except (TypeError, ValueError):
                raise DsxError(f"evaluate gave {given!r} for model {model_id}: expected its error, a number") from None
            self._errors[model_id] = error
            if self._folder is not None:
                _append(self._folder / "errors.jsonl", {"model_id": model_id, "error": error})
        return self._errors[model_id]


def _append(path: Path, content: Mapping[str, object]) -> None:
    """Add a line, whole or (killed in the act) torn, which a reader then leaves out."""
    with open(path, "ab") as file:
        if file.tell() and not _ends_a_line(path):
            file.write(b"\n")
        file.write((json.dumps(content) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read_errors(path: Path) -> dict[str, float]:
    errors = {}
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
            errors[str(record["model_id"])] = float(record["error"])
        except (ValueError, KeyError, TypeError):
            continue  # torn, as its writer was killed: that model is evaluated again
    return errors


def batch_seed(seed: int, *numbers: int) -> int:
    """A seed of its own for each batch of a walk, in [0, 2**61)."""
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)[0] >> np.uint64(3))

"""Which models of a results table count, and what became of the rest: no row is lost quietly.

A model that is done counts with its error, one that diverged with chance error (the table holds it
in `error`); failed, running and pending ones have no error and are counted in words. Several runs
of one model (seeds) count as one model, with the mean error of its finished runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DsxError, one_of, suggest
from dsx.results.arrays import Floats, Table, is_table, number_array
from dsx.results.columns import PER_RUN

if TYPE_CHECKING:
    import pandas as pd

_SETTINGS = r"(-r[0-9a-f]{8})(?:-s\d+)?$"  # in the id of a run: a hash of the settings that a space sampled
OVER = ("done", "diverged", "failed")
STATES = (*OVER, "running", "pending")
FINISHED = ("done", "diverged")
# what other tools call a state; what is called so in two meanings (terminated, stopped, pruned) is not among them
_ELSEWHERE = {
    "done": "complete completed finished success succeeded successful ok",
    "diverged": "nan",
    "failed": "fail failure error errored crash crashed killed timeout oom cancelled canceled aborted",
    "running": "run in_progress in-progress started",
    "pending": "queued waiting scheduled todo",
}
_BY_WORD = {word: state for state, words in _ELSEWHERE.items() for word in (state, *words.split())}


def state_of(word: str) -> str | None:
    """The state that a word of dsx or of another tool stands for, letter case ignored; None if it has no meaning."""
    return _BY_WORD.get(word.strip().casefold())


@dataclass(frozen=True)
class Counts:
    """Runs of a study by state. models ≤ runs; they are equal when each model has one seed."""

    models: int
    runs: int
    done: int
    diverged: int
    failed: int
    running: int
    pending: int
    without_error: int = 0  # done, yet without a finite error
    chance_pct: tuple[float, ...] = ()  # the errors that diverged runs count with
    n: int = 0  # models that enter the statistics

    def words(self) -> str:
        """`24 models: 22 done, 1 diverged (counted at chance error 90 %), 1 failed, 0 pending`."""
        models = f"{self.models} model{'' if self.models == 1 else 's'}"
        start = models if self.runs == self.models else f"{models} in {self.runs} runs"
        done = f"{self.done} done"
        if self.without_error:
            done += f" ({self.without_error} of them without an error, left out)"
        diverged = f"{self.diverged} diverged"
        if self.chance_pct:
            chance = " and ".join(f"{pct:.4g}" for pct in self.chance_pct)
            diverged += f" (counted at chance error {chance} %)"
        running = [f"{self.running} running"] if self.running else []
        return f"{start}: " + ", ".join([done, diverged, f"{self.failed} failed", *running, f"{self.pending} pending"])


def count_states(table: Table) -> Counts:
    """Count the runs of a results table by state.

    A table without a `state` column (a CSV from elsewhere): rows with an error are done, others failed.
    Raises DsxError if `error` is missing or a state is unknown.
    """
    state, error = _states(table), _errors(table)
    by_state = {name: int((state == name).sum()) for name in STATES}
    ended = _ended(state)
    bad = ended & ~np.isfinite(error)
    chance = np.unique(error[(state == "diverged") & np.isfinite(error)])
    if chance.size > 3:
        chance = chance[[0, -1]]
    return Counts(
        models=_models(table),
        runs=len(table),
        n=_models(table[ended & ~bad]),
        without_error=int(bad.sum()),
        chance_pct=tuple(float(c) for c in chance),
        **by_state,
    )


def models_of(table: Table) -> pd.Series[str]:
    """What tells the models of a table with `model_id` apart; runs of one differ by their seed alone.

    One network with several sampled settings of the training is several models, as the ids of its runs say.
    """
    if "run_id" not in table.columns or table["model_id"].is_unique:
        return table["model_id"]
    return table["model_id"] + table["run_id"].astype(str).str.extract(_SETTINGS, expand=False).fillna("")


def _models(table: Table) -> int:
    return int(models_of(table).nunique()) if "model_id" in table.columns else len(table)


def finished(table: Table) -> Table:
    """The models that count: one row per model that is done or diverged and has an error.

    Runs of one model with several seeds become one row: measured columns are averaged, the state is
    `diverged` if any of its runs diverged. Where all rows count, the table itself is returned.
    Raises DsxError as `count_states` does.
    """
    state, error = _states(table), _errors(table)
    counted = _ended(state) & np.isfinite(error)
    kept: Table = table if counted.all() else table[counted].reset_index(drop=True)
    if "model_id" not in kept.columns or (models := models_of(kept)).is_unique:
        return kept
    rules = {name: "mean" if name in PER_RUN else "first" for name in kept.columns}
    ordered = kept.sort_values("state", kind="stable", ascending=True) if "state" in kept.columns else kept
    # `diverged` sorts before `done`, so that "first" keeps it
    return ordered.groupby(models.rename(None), sort=False).agg(rules).reset_index(drop=True)


def in_order(table: Table) -> Table:
    """The models that count or still may, a row each in the order of the table, `error` NaN for those yet to come.

    What looks at a growing study must not depend on which models finished first. Failed models, which have no error,
    are left out; a model of several seeds waits for all of them. Raises DsxError as `count_states` does.
    """
    state, error = _states(table), _errors(table)
    ended = _ended(state)
    kept = (state != "failed") & ~(ended & ~np.isfinite(error))
    rows = table[kept].assign(error=np.where(ended, error, np.nan)[kept]).reset_index(drop=True)
    if "model_id" not in rows.columns or (models := models_of(rows)).is_unique:
        return rows
    runs = rows.groupby(models.rename(None), sort=False)
    means = runs["error"].mean().where(runs["error"].count() == runs.size())
    every = models_of(table)
    return runs.first().assign(error=means).loc[every[every.isin(means.index)].unique()].reset_index(drop=True)


def finished_errors(table: Table, name: str = "results table") -> Floats:
    """(n,) errors in percent of the models that count, n ≥ 1.

    Raises DsxError, with the counts, if no model has finished.
    """
    errors = finished(table)["error"].to_numpy(dtype=np.float64)
    if errors.size == 0:
        raise DsxError(f"{name}: no finished model ({count_states(table).words()}): train some with `dsx launch`")
    return errors


def mixed_conditions(tables: Mapping[str, Table]) -> list[str]:
    """Sentences that warn of finished models trained unalike: other recipes, or other numbers of epochs or seeds."""
    warnings = _mixed_seeds(tables)
    for column, noun in (("recipe", "recipes"), ("epochs", "numbers of epochs")):
        values: dict[str, list[str]] = {}
        for name, table in tables.items():
            if column in table.columns:
                # a run that diverged may have stopped early; that is no other training
                rows = table[_states(table) == "done"][column].dropna().unique()
                values[name] = [f"{v:g}" if isinstance(v, float) else str(v) for v in rows]
        if len({v for several in values.values() for v in several}) > 1:
            listed = "; ".join(f"{name}: {', '.join(v)}" for name, v in values.items() if v)
            warnings.append(
                f"The models were trained with different {noun} ({listed}); their errors are not comparable."
            )
    return warnings


def _mixed_seeds(tables: Mapping[str, Table]) -> list[str]:
    """A sentence if the errors of some are means over more seeds than those of others."""
    seeds: dict[str, float] = {}
    for name, table in tables.items():
        ended = _ended(_states(table)) & np.isfinite(_errors(table))
        if ended.any():
            several = "model_id" in table.columns and not table["model_id"].is_unique
            seeds[name] = round(ended.sum() / _models(table[ended]), 2) if several else 1.0
    if len(set(seeds.values())) < 2:
        return []
    listed = "; ".join(f"{name}: {n:g}" for name, n in seeds.items())
    known = all("replicate" in table.columns for table in tables.values())
    remedy = "; --where 'replicate == 0' compares first seeds alone" if known else ""
    return [
        f"Errors are means over different numbers of seeds ({listed}), and means over more seeds spread less{remedy}."
    ]


def _states(table: Table) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    if not is_table(table):
        raise DsxError(
            f"expected a results table, found {type(table).__name__}; tables are given by name: {{name: table}}"
        )
    if "state" not in table.columns:
        return np.where(np.isfinite(_errors(table)), "done", "failed").astype(object)
    state = table["state"].to_numpy(dtype=object)
    for value in set(table["state"].unique()) - set(STATES):
        raise DsxError(f"results table: state {value!r}: {one_of(value, STATES)}")
    return state


def _ended(state: np.ndarray[tuple[int], np.dtype[np.object_]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return (state == "done") | (state == "diverged")


def _errors(table: Table) -> Floats:
    if "error" not in table.columns:
        known = [str(c) for c in table.columns]
        raise DsxError(
            f"results table: no column 'error' (top-1 error in percent) among {', '.join(known) or 'none'}."
            + suggest("error", known)
        )
    return number_array(table["error"], "column error")

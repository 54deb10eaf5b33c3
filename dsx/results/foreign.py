"""What the columns of a table from elsewhere are: taken for results, parameters and outcomes, and said so.

What a table leaves open is not guessed: it is refused in one line that says how to write what is meant.
  error=top1           the column of errors, in percent          error=100*share     errors as shares
  error=100-acc        accuracies in percent                     error=100-100*acc   accuracies as shares
  flops=1e9*gflops     any other result column, with a factor    state=status        the column of states
  done=COMPLETED,ok    words that stand for a state              chance=90           error of models that diverged
  parameters=a,b       which columns are parameters
  error=ap better=higher         what is compared is no error: of ap, in percent, more is better
  error=loss better=lower unit=  nor is it in percent
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DsxError, suggest
from dsx.base.text import plural
from dsx.recipes.metric import ERROR, Metric
from dsx.results import columns as known
from dsx.results.arrays import Floats, Table
from dsx.results.cells import NOTHING, Numbers, numbers_in
from dsx.results.sources import ColumnSource, source, sources_in
from dsx.results.states import STATES, state_of

if TYPE_CHECKING:
    import pandas as pd

# what may be said of how a table is to be read
KEYS = (*known.ELSEWHERE, *STATES, "parameters", "chance", "better", "unit")
# columns that every table of dsx's own has
_OWN = {"model_id", "space", "state", "error", "recipe"}
_INDEX = ("index", "idx", "row", "no", "nr", "#", "trial", "trial_id", "number", "id")
_NUMERIC = tuple(c.name for c in known.COLUMNS if c.elsewhere and not c.text and c.name != "error")


@dataclass(frozen=True, eq=False)
class Foreign:
    """A table with the result columns' own names, and what was taken for what, in words: nothing if dsx wrote it."""

    table: Table
    account: str
    metric: Metric = ERROR


def tidy(table: Table, path: Path, given: Mapping[str, str]) -> Foreign:
    """The table with the result columns' own names, an id and a state for every row; checked.

    given: what was said of its columns (`KEYS`). Raises DsxError if a column is missing or its values are out of range,
    and for what could be meant in two ways.
    """
    by_dsx = set(table.columns) >= _OWN and all(ours == theirs for ours, theirs in given.items())
    if by_dsx:
        error = _percent(table["error"], "error", ColumnSource("error"), path, asked=False)
        return Foreign(_states(table.assign(error=error), path, given, {"state": ColumnSource("state")})[0], "")
    metric = _metric(path, given)
    sources = sources_in(table, path, given, named_otherwise=metric != ERROR)
    if metric != ERROR:
        metric = metric.model_copy(update={"name": sources["error"].column})
    table, unused = _without_index(table, sources)
    table = _renamed(table, path, sources)
    table, ids = _with_ids(table, sources)
    table = _numeric(table, path, sources, metric)
    table, states = _states(table, path, given, sources, metric)
    table, parameters, dropped = _parameters(table, path, given)
    _check_repeats(table, path, parameters)
    errors = table["error"].to_numpy(np.float64)
    span = f" ({np.nanmin(errors):.4g} to {np.nanmax(errors):.4g})" if np.isfinite(errors).any() else ""
    account = [
        f"error = {sources['error']} in percent{span}" if metric == ERROR else _told(metric, sources["error"], errors),
        f"model_id = {ids}",
        f"state = {states}",
        *(f"{ours} = {source}" for ours, source in sources.items() if ours in _NUMERIC),
        f"parameters: {known.listed(parameters) or 'none'}",
        *_left(table, parameters, [*unused, *dropped]),
    ]
    return Foreign(table, f"{plural(len(table), 'row')}; {'; '.join(account)}", metric)


def _metric(path: Path, given: Mapping[str, str]) -> Metric:
    """What is compared: errors in percent, or what `better`, `unit` and `chance` say of another column."""
    better, unit = given.get("better"), given.get("unit")
    if better is None:
        if unit is not None:
            raise DsxError(f"{path}: unit={unit}: say of which kind it is, too: better=higher or better=lower")
        return ERROR
    if better not in ("higher", "lower"):
        raise DsxError(f"{path}: better={better}: expected higher or lower")
    column = given.get("error", "error")
    if source(column, ()).complement:
        raise DsxError(f"{path}: error={column} better={better}: 100 − something is an error already: leave better out")
    return Metric(name=column, unit="%" if unit is None else unit, better=better)


def _told(metric: Metric, used: ColumnSource, errors: Floats) -> str:
    """`compared by 'ap' (%), higher is better (12 to 60)`."""
    values = sorted(metric.from_error(e) for e in (np.nanmin(errors), np.nanmax(errors))) if errors.size else []
    span = f" ({values[0]:.4g} to {values[1]:.4g})" if values else ""
    return f"compared by {used}{f' ({metric.unit})' if metric.unit else ''}, {metric.better} is better{span}"


def _without_index(table: Table, sources: Mapping[str, ColumnSource]) -> tuple[Table, list[str]]:
    """The table without columns that only number its rows, and words for each of them."""
    used, dropped = {s.column for s in sources.values()}, []
    for name in map(str, list(table.columns)):
        unnamed = re.fullmatch(r"Unnamed: ?\d+(\.\d+)?|", name) is not None
        if name in used or not (unnamed or name.casefold() in _INDEX):
            continue
        cells = numbers_in(table[name])
        values = cells.values if isinstance(cells, Numbers) else np.empty(0)
        counts = values.size > 0 and values[0] in (0, 1) and (np.diff(values) == 1).all()
        if counts or unnamed:
            dropped.append(f"'{name}' ({'row numbers' if counts else 'without a name'})")
            table = table.drop(columns=[name])
    return table, dropped


def _renamed(table: Table, path: Path, sources: Mapping[str, ColumnSource]) -> Table:
    """Result columns under their own names; one of such a name that is not used becomes other_NAME."""
    taken: dict[str, str] = {}
    for ours, used in sources.items():
        if used.column in taken:
            raise DsxError(f"{path}: column '{used.column}' is named as {taken[used.column]} and as {ours}: name one")
        taken[used.column] = ours
    hidden = {ours: f"other_{ours}" for ours, s in sources.items() if s.column != ours and ours in table.columns}
    return table.rename(columns={**hidden, **taken})


def _with_ids(table: Table, sources: Mapping[str, ColumnSource]) -> tuple[Table, str]:
    if "model_id" in table.columns:
        models = table["model_id"].nunique()
        seeds = "" if models == len(table) else f" ({models:,} models, rows of one are its seeds)"
        return table, f"{sources['model_id']}{seeds}"
    table = table.copy()
    table.insert(0, "model_id", [f"row {i}" for i in range(1, len(table) + 1)])
    return table, "row numbers"


def _numeric(table: Table, path: Path, sources: Mapping[str, ColumnSource], metric: Metric) -> Table:
    """Every column that holds numbers as numbers; result columns must. Raises DsxError for cells that are none."""
    import pandas as pd

    made = table.copy()
    for name in map(str, table.columns):
        cells = table[name]
        used = sources.get(name, ColumnSource(name))
        if name in ("error", "best_error"):
            made[name] = _errors(cells, name, used, path, metric)
        elif cells.dtype.kind == "O" and name not in ("model_id", "state", "failure", "recipe", "stages", "space"):
            complexity = name in known.COMPLEXITIES
            numbers = numbers_in(cells, "thousands" if complexity else "unknown", suffixes=complexity)
            if isinstance(numbers, str) or numbers.ambiguous:
                odd = numbers if isinstance(numbers, str) else numbers.ambiguous
                if name in _NUMERIC:
                    raise DsxError(f"{path}: {name} {odd!r}: expected a number in column '{used.column}'")
            else:
                whole = np.isfinite(numbers.values).all() and (numbers.values % 1 == 0).all() and len(cells) > 0
                whole = whole and not cells.astype(str).str.contains(r"[.,eE]", regex=True).any()
                made[name] = pd.Series(numbers.values, cells.index).astype("int64" if whole else "float64")
        if used.factor != 1 and name in _NUMERIC and name != "best_error":
            made[name] = made[name] * used.factor
    return made


def _errors(cells: pd.Series, name: str, used: ColumnSource, path: Path, metric: Metric) -> Floats:
    """Errors, of which less is better: in percent, or as what is compared has them."""
    if name != "error" or metric == ERROR:
        return _percent(cells, name, used, path)
    if metric.percent:
        return _percent(cells, name, replace(used, complement=metric.better == "higher"), path)
    numbers = numbers_in(cells, "decimal")
    if isinstance(numbers, str):
        raise DsxError(f"{path}: {metric.name} {numbers!r}: expected a number in column '{used.column}'")
    return np.array([metric.as_error(value) for value in used.factor * numbers.values], dtype=np.float64)


def _percent(cells: pd.Series, name: str, used: ColumnSource, path: Path, asked: bool = True) -> Floats:
    """Errors in percent, infinite ones included. asked: whether errors that may be shares are asked about."""
    numbers = numbers_in(cells, "decimal")
    column = used.column
    if isinstance(numbers, str):
        rows = int((cells.astype(str).str.strip() == numbers).sum())
        raise DsxError(
            f"{path}: {name} {numbers!r} ({rows} of {plural(len(cells), 'row')}): expected a number in percent, or"
            " nothing for a model without an error"
        )
    values, known_values = numbers.values, numbers.values[np.isfinite(numbers.values)]
    if numbers.percent == "some":
        raise DsxError(f"{path}: some cells of '{column}' have a percent sign and some have none: write all alike")
    share = known_values.size > 0 and known_values.max() <= 1 and known_values.min() >= 0
    if asked and share and not used.sure and numbers.percent == "none" and name == "error":
        sign = "100-" if used.complement else ""
        what = "accuracies" if used.complement else "errors"
        raise DsxError(
            f"{path}: the {what} in '{column}' lie between {known_values.min():.4g} and {known_values.max():.4g}: write"
            f" 'error={sign}100*{column}' if they are shares, 'error={sign}1*{column}' if they are percent"
        )
    values = (100.0 if used.complement else 0.0) + (-1 if used.complement else 1) * used.factor * values
    outside = values[(values < 0) | (values > 100) & (values < np.inf)]
    if outside.size:
        raise DsxError(
            f"{path}: {name} {outside[0]:g}: expected percent, 0 to 100 ({outside.size} of {plural(len(cells), 'row')})"
        )
    return values


def _states(
    table: Table, path: Path, given: Mapping[str, str], sources: Mapping[str, ColumnSource], metric: Metric = ERROR
) -> tuple[Table, str]:
    """The state of every row, in dsx's words, and how it was told; infinite errors become chance error."""
    table, errors = table.copy(), table["error"].to_numpy(np.float64)
    chance = _chance(path, given, metric)
    explanation = "done where there is an error"
    if "state" in table.columns:
        given_meanings = {
            word.strip(): ours for ours in STATES for word in given.get(ours, "").split(",") if word.strip()
        }
        table["state"], meant = _meant(table["state"], path, given_meanings)
        words_told = ", ".join(f"'{word}' is {ours}" for word, ours in meant.items())
        explanation = f"{sources['state']}" + (f": {words_told}" if words_told else "")
    else:
        missing = int(np.isnan(errors).sum())
        table.insert(1, "state", np.where(np.isnan(errors), "failed", "done").astype(object))
        explanation += f", failed where there is none ({plural(missing, 'row')})" if missing else ""
    lost = np.isinf(errors) | ((table["state"] == "diverged").to_numpy() & np.isnan(errors))
    if lost.any():
        if chance is None:
            raise DsxError(
                f"{path}: {plural(int(lost.sum()), 'model')} diverged or with an infinite error, and no error to count:"
                " write chance=90, the error of a guess among 10 classes, or what it is with yours"
            )
        table.loc[lost, "state"], table.loc[lost, "error"] = "diverged", chance
        explanation += f"; {plural(int(lost.sum()), 'row')} diverged, counted at {chance:g} %"
    return table, explanation


def _chance(path: Path, given: Mapping[str, str], metric: Metric) -> float | None:
    text = given.get("chance")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0 if metric == ERROR else np.nan
    if metric != ERROR and np.isfinite(value):
        return metric.as_error(value)
    if not 0 < value <= 100:
        raise DsxError(f"{path}: chance={text}: expected percent above 0 and at most 100, as in chance=90")
    return value


def _meant(cells: pd.Series, path: Path, words: Mapping[str, str]) -> tuple[pd.Series, dict[str, str]]:
    """States in dsx's words, and what each other word was taken for. Raises DsxError for a word with no meaning."""
    meanings: dict[object, str] = {}
    for cell in cells.unique():
        text = "" if cell is None or cell != cell else str(cell).strip()
        ours = words.get(text) or state_of(text)
        if ours is None:
            rows = int((cells == cell).sum()) if text else int(cells.isna().sum() + (cells == "").sum())
            remedy = f", or say what it means, as in failed={text}" if text and text.casefold() not in NOTHING else ""
            known_words = f"expected one of {', '.join(STATES)}{remedy}.{suggest(text, STATES)}"
            raise DsxError(f"{path}: state {text!r} ({plural(rows, 'row')}): {known_words}")
        meanings[cell] = ours
    translations = {str(cell): ours for cell, ours in meanings.items() if str(cell) != ours}
    return cells.map(meanings), translations


def _parameters(table: Table, path: Path, given: Mapping[str, str]) -> tuple[Table, list[str], list[str]]:
    """The table, its parameters, and words for columns that were said not to be any and are left out."""
    candidates = known.parameter_columns(table)
    if "parameters" not in given:
        return table, candidates, []
    wanted = [name.strip() for name in given["parameters"].split(",") if name.strip()]
    for name in wanted:
        if name not in table.columns:
            raise DsxError(f"{path}: parameters: no column '{name}'.{suggest(name, map(str, table.columns))}")
        if name not in candidates:
            why = "holds no numbers" if known.is_parameter(name) else "has the name of a result; rename it in the file"
            raise DsxError(f"{path}: parameters: column '{name}' {why}")
    left = [name for name in candidates if name not in wanted]
    return table.drop(columns=left), wanted, [f"'{name}'" for name in left]


def _check_repeats(table: Table, path: Path, parameters: Sequence[str]) -> None:
    """Rows of one model_id are seeds of one model: refuse other networks under one id, and copies of whole rows."""
    ids = table["model_id"]
    if ids.isna().any() or (ids.astype(str).str.strip() == "").any():
        raise DsxError(f"{path}: model_id is empty in some rows: every row needs the id of its model")
    if ids.is_unique:
        return
    of_model = [*parameters, *(c for c in known.COMPLEXITIES if c in table.columns)]
    kinds = table.groupby("model_id", sort=False)[of_model].nunique()
    for name in of_model:
        several = kinds.index[kinds[name] > 1]
        if len(several):
            values = table.loc[ids == several[0], name].unique()[:2]
            raise DsxError(
                f"{path}: model_id {several[0]!r} has {name} {values[0]:g} and {values[1]:g}: rows of one model_id are"
                " seeds of one model; name a column that tells models apart: model_id=COLUMN"
            )
    copies = int(table.astype(str).duplicated().sum())
    if copies and copies == len(table) - ids.nunique():
        raise DsxError(
            f"{path}: {plural(copies, 'row')} of {len(table):,} repeat another cell by cell: remove the copies, or tell"
            " seeds apart in a column 'seed'"
        )


def _left(table: Table, parameters: Sequence[str], unused: Sequence[str]) -> list[str]:
    """Words for outcomes, and for what is not used."""
    names = [str(name) for name in table.columns if str(name) not in known.ELSEWHERE and str(name) not in parameters]
    outcomes = [name for name in names if known.measured(name) is not None]
    rest = [name for name in names if name not in outcomes and name not in known.BY_NAME]
    not_used = list(unused)
    for name in rest:
        complexity = known.complexity_of(name)
        remedy = f" (to use it: {complexity}={name}, or '{complexity}=1e9*{name}')" if complexity else ""
        not_used.append(f"'{name}'{remedy}")
    lines = [f"outcomes, not parameters: {', '.join(outcomes)}"] if outcomes else []
    return lines + ([f"not used: {', '.join(not_used)}"] if not_used else [])

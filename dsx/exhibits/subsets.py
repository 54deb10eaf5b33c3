"""Parts of populations, picked by what is known before training: `--where 'depth >= 12'`, `--split bottleneck_ratio`.

Only parameters, complexity, the networks' structure and the number of a model's seed (`replicate`) may pick: models
chosen by their error, or by anything else that was measured, are no sample of a design space, and no statistic of them
means what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsx.base.errors import DsxError, unknown
from dsx.base.text import plural
from dsx.exhibits.studies import StudyFacts
from dsx.results.arrays import Floats, Table
from dsx.results.columns import COMPLEXITIES, is_parameter, of_stage
from dsx.spaces.expressions import Inequality

# a column of more values is cut into as many groups, of about as many models each
MOST_VALUES = 6
GROUPS = 4


@dataclass(frozen=True)
class Subset:
    """Parts of studies, and how many models each has of what, in words."""

    studies: list[StudyFacts]
    account: list[str]


def where(studies: Sequence[StudyFacts], text: str) -> Subset:
    """The models of each study, whatever their state, for which an inequality holds.

    text: as in a space's rules, over the columns of the results: `depth >= 12`, `sum(depth) < 20`, `width[0] == 32`. A
    model for which a column is not known, or what is computed of it is no number, is left out and counted. Raises
    DsxError for bad syntax, for a name that no study has, for one that was measured, or if no model is left.
    """
    inequality = Inequality.parse(text)
    known = _known_names(studies)
    _check_names(sorted(inequality.names), known, "--where")
    inequality.check_names(known)
    kept, account = [], []
    for study in studies:
        mask, unknown_rows = _judged(inequality, study.whole)
        kept.append(_rows(study, mask, study.name, f"where {inequality.text}"))
        known_of = f", not known of {unknown_rows.sum():,}" if unknown_rows.any() else ""
        account.append(f"{study.name}: {mask.sum():,} of {plural(len(mask), 'run')} where {inequality.text}{known_of}")
    if not any(len(study.table) for study in kept):
        raise DsxError(f"--where '{text}': true of no model of {', '.join(study.name for study in studies)}")
    return Subset(kept, account)


def split(studies: Sequence[StudyFacts], column: str) -> Subset:
    """Each study in parts, one for each value of a column: `AnyNetXA, width_1 8`; of a single study, `width_1 8`.

    A column of more than six values is cut into four groups at quartiles over all studies. Models for which it is not
    known make a group of their own. Raises DsxError for a column that no study has, or that was measured.
    """
    known = {name for study in studies for name in study.whole.columns if _picks(str(name))}
    if column not in known:
        by_stage = sorted(name for name in known if (of_stage(name) or ("",))[0] == column)
        if by_stage:
            raise DsxError(f"--split {column}: it differs by stage: name one of {', '.join(by_stage)}")
    _check_names([column], known, "--split")
    parts, account = [], []
    labels = {study.name: _groups(study, column, studies) for study in studies}
    for study in studies:
        counts = []
        for label in sorted(set(labels[study.name]), key=_order):
            mask = np.array([other == label for other in labels[study.name]])
            part = f"{column} {label}"
            parts.append(_rows(study, mask, part if len(studies) == 1 else f"{study.name}, {part}", part))
            counts.append(f"{label} ({plural(int(mask.sum()), 'run')})")
        account.append(f"{study.name} by {column}: {', '.join(counts)}")
    return Subset(parts, account)


def _picks(name: str) -> bool:
    return name in COMPLEXITIES or name == "replicate" or is_parameter(name)


def _check_names(names: Iterable[str], known: set[str], option: str) -> None:
    for name in names:
        if name not in known and not _picks(name):
            raise DsxError(
                f"{option}: '{name}' is known only after training: models picked by it are no sample of a space"
            )
        if name not in known:
            raise DsxError(f"{option}: {unknown('column', name, sorted(known))}")


def _known_names(studies: Sequence[StudyFacts]) -> set[str]:
    """Columns of numbers, and what stands for those of all stages: depth_1, depth_2 … → depth too."""
    names = {
        str(name)
        for study in studies
        for name in study.whole.columns
        if _picks(str(name)) and study.whole[name].dtype.kind in "biuf"
    }
    return names | {parts[0] for name in names if (parts := of_stage(name)) is not None}


def _judged(inequality: Inequality, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool each: where it is true, and where that is not known, of a table that may lack some of the columns."""
    values = {name: _values(table, name) for name in inequality.names}
    unknown_rows = np.zeros(len(table), dtype=bool)
    for column in values.values():
        missing = np.isnan(column)
        unknown_rows |= missing.all(axis=1) if column.ndim == 2 else missing
    true, undefined = (np.broadcast_to(mask, len(table)) for mask in inequality.judged(values))
    return true & ~unknown_rows, unknown_rows | undefined


def _values(table: Table, name: str) -> Floats:
    """(n,) of a column, or (n, stages) of all its stages with NaN for those that a network lacks."""
    if name in table.columns:
        return table[name].to_numpy(float, na_value=np.nan)
    numbered = ((parts[1], str(c)) for c in table.columns if (parts := of_stage(str(c))) and parts[0] == name)
    columns = [column for _, column in sorted(numbered)]
    return table[columns].to_numpy(float, na_value=np.nan) if columns else np.full(len(table), np.nan)


def _rows(study: StudyFacts, mask: np.ndarray, name: str, which: str) -> StudyFacts:
    """The study of these rows alone, with the curves and failures of their runs; no sample of its space any more."""
    table = study.table[mask].reset_index(drop=True)
    key = "run_id" if "run_id" in table.columns else "model_id"
    runs = set(table[key]) if key in table.columns else set()
    curves = study.curves
    if curves is not None and key in curves.columns:
        curves = curves[curves[key].isin(runs)].reset_index(drop=True)
    left = [replace(group, run_ids=[run for run in group.run_ids if run in runs]) for group in study.failures]
    settings = [*study.settings, ("part", f"{which}: {len(table):,} of {plural(len(mask), 'run')}")]
    failures = [group for group in left if group.run_ids]
    reported = None if study.reported is None else study.reported[mask].reset_index(drop=True)
    return replace(
        study,
        name=name,
        table=table,
        reported=reported,
        curves=curves,
        failures=failures,
        settings=settings,
        space=None,
        paper=None,
    )


def _groups(study: StudyFacts, column: str, studies: Sequence[StudyFacts]) -> list[str]:
    """What stands for the column of each row: its value, or the range it lies in."""
    if column not in study.whole.columns:
        return ["unknown"] * len(study.table)
    pooled = [s.whole[column].dropna() for s in studies if column in s.whole.columns]
    values = sorted({value for part in pooled for value in part.unique()})
    given = study.whole[column]
    if len(values) <= MOST_VALUES or given.dtype.kind not in "biuf":
        return ["unknown" if v != v or v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in given]
    every = np.concatenate([part.to_numpy(float) for part in pooled])
    edges = np.unique(np.quantile(every, np.linspace(0, 1, GROUPS + 1), method="lower"))
    place = np.clip(np.searchsorted(edges, given.to_numpy(float, na_value=np.nan), side="right") - 1, 0, len(edges) - 2)
    # by the values that are in a group: a name with the edges would have those of two groups in common
    grouped = np.clip(np.searchsorted(edges, every, side="right") - 1, 0, len(edges) - 2)
    ends = [(every[grouped == group].min(), every[grouped == group].max()) for group in range(len(edges) - 1)]
    names = [f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}" for low, high in ends]
    return ["unknown" if v != v else names[p] for v, p in zip(given, place, strict=True)]


def _order(label: str) -> tuple[int, float, str]:
    """Numbers by size, then words, then what is not known."""
    try:
        return 0, float(label.split()[0]), label
    except ValueError:
        return (2 if label == "unknown" else 1), 0.0, label

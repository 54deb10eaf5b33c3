"""The best and the worst models of each study, with their parameters."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dsx.analysis.curves import extremes
from dsx.base.units import format_number, short
from dsx.exhibits.cells import short_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.paths import folders
from dsx.recipes.metric import Metric
from dsx.results.columns import COMPLEXITIES, STRUCTURE, of_stage, parameter_columns

# of the best and of the worst models: in the table, and in the report
_LISTED, _SHOWN = 20, 5


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        if not len(study.models):
            continue
        models = study.models.drop(columns=["stages", "role", "rank"], errors="ignore")
        key = ["model_id"] if "model_id" in models.columns else []
        ordered = models.sort_values(["error", *key], kind="stable")
        roles = extremes(len(ordered), _LISTED)
        table = ordered.iloc[list(roles)].reset_index(drop=True)
        table.insert(0, "rank", np.array(list(roles)) + 1)
        table.insert(0, "role", list(roles.values()))
        costs = [name for name in COMPLEXITIES if name in table.columns]
        varied = [name for name in parameter_columns(models) if models[name].nunique(dropna=False) > 1]
        kept = ["role", "rank", *key, "state", "error", *costs, *varied]
        yield Computed(f"{folder}extremes", {"": table[[c for c in kept if c in table.columns]]}, study)


def sections(shown: Sequence[Computed], inquiry: Inquiry) -> Iterator[Section]:
    """A table for each study: the stages' values of a parameter in one cell."""
    for computed in shown:
        table = computed.main
        listed = extremes(int(table["rank"].max()), _SHOWN)
        rows = [row for row in table.to_dict("records") if row["rank"] - 1 in listed]
        sampled = [c for c in table.columns if c in parameter_columns(table) and c not in (*COMPLEXITIES, "rank")]
        # what follows from the stages says nothing more beside them
        named = [c for c in sampled if c not in STRUCTURE] or sampled
        parameters = list(dict.fromkeys((of_stage(name) or (name,))[0] for name in named))
        costs = [name for name in COMPLEXITIES if name in table.columns]
        cells = [
            [f"{row['rank']}", str(row.get("model_id", ""))[:8], _error(row, inquiry.metric),
             *(format_number(row[c]) for c in costs), *(_values(row, parameter, named) for parameter in parameters)]
            for row in rows
        ]  # fmt: skip
        name = computed.study_name
        headers = [
            "rank",
            "model",
            f"{inquiry.metric.words}{inquiry.metric.unit_after}",
            *costs,
            *(parameter.replace("_", " ") for parameter in parameters),
        ]
        held = f"up to {_LISTED} best and {_LISTED} worst are in extremes.csv"
        notes = (f"Of {table['rank'].max():,} models, with parameters as sampled; {held}.",)
        yield Section(f"{name}: best and worst models", grid=Grid(f"best and worst of {name}", headers, cells),
                      notes=notes)  # fmt: skip


def _error(row: Mapping[Hashable, Any], metric: Metric) -> str:
    return short(metric.from_error(row["error"])) + (" (diverged)" if row.get("state") == "diverged" else "")


def _values(row: Mapping[Hashable, object], parameter: str, columns: Sequence[str]) -> str:
    """`16`, or of a parameter that varies by stage `16, 24, 24`; stages that a network lacks are left out."""
    values = [row[name] for name in columns if name == parameter or (of_stage(name) or ("",))[0] == parameter]
    return ", ".join(
        short_cell(v) if isinstance(v, (int, float)) else str(v) for v in values if v == v and v is not None
    )


EXHIBIT = Exhibit("extremes", compute, sections=sections, chapter="best", place=67, compares=False, beside_figure=True)

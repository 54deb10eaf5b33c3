"""Where the best models lie: the range of the likely best value of every parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsx.analysis.points import varied
from dsx.analysis.tables import best_ranges_table
from dsx.exhibits.cells import short_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.explored import charted_columns, explored_columns
from dsx.plots.labels import axis
from dsx.results.arrays import Table
from dsx.results.columns import of_stage

# what a line on the terminal names first, and how many it names
_FIRST, _MOST = ("total_depth", "bottleneck_ratio", "last_width"), 3


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """Of the networks' structure, the spaces' parameters, and the networks' costs, which the report's charts have."""
    table = best_ranges_table(inquiry.models, charted_columns(inquiry.models), level=inquiry.level)
    distinct = {name: varied(rows, explored_columns({"": rows})) for name, rows in inquiry.models.items()}
    yield Computed("best_ranges", {"": table}, values={"varied": distinct, "several": len(inquiry.tables) > 1})


def told(computed: Computed) -> list[str]:
    """A line for each study: the ranges of its first parameters of whole networks that vary."""
    lines = []
    for study, distinct in computed.values["varied"].items():
        names = [name for name in distinct if of_stage(name) is None]
        names = sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))[:_MOST]
        ends = ", ".join(
            f"{axis(name, [0.0])[0].partition(' (')[0]} {_cell(computed.main, study, name)}" for name in names
        )
        lines += [f"best 25 %{f' of {study}' if computed.values['several'] else ''}: {ends}"] if ends else []
    return lines


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """One row per parameter and one column per study: median and range of the likely best value."""
    (computed,) = shown
    rows = []
    for column in _explored(inquiry.models, several=True):
        cells = [_cell(computed.main, name, column) for name in inquiry.models]
        rows.append([axis(column, [0.0])[0], *cells])
    constant = [axis(column, [0.0])[0] for column in _explored(inquiry.models, several=False)]
    notes = (f"The same in all models, hence not listed: {', '.join(constant)}.",) if constant else ()
    return Section(grid=Grid("best ranges of parameters", ["", *inquiry.models], rows), notes=notes)


def _cell(ranges: Table, study: str, column: str) -> str:
    rows = ranges[(ranges["study"] == study) & (ranges["parameter"] == column)]
    if rows.empty:
        return "–"
    low, median, high = (short_cell(float(rows[end].iloc[0])) for end in ("low", "median", "high"))
    return f"{median} ({low}–{high})"


def _explored(tables: Mapping[str, Table], several: bool) -> list[str]:
    """The explored columns that differ between models, or those that do not; of one model alone all count as varied."""

    def differs(column: str) -> bool:
        values = {v for t in tables.values() if column in t.columns for v in t[column].dropna().unique()}
        return len(values) > 1 or sum(map(len, tables.values())) == 1

    return [column for column in explored_columns(tables) if differs(column) == several]


EXHIBIT = Exhibit("best_ranges", compute, told=told, section=section, chapter="parameters", place=30)

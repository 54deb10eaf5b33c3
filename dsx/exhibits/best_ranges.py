"""Where the best models lie: the range of the likely best value of every parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsx.analysis.best import best_ranges
from dsx.analysis.tables import best_ranges_table
from dsx.exhibits.cells import short_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.explored import charted_columns, explored_columns
from dsx.plots.labels import axis
from dsx.results.arrays import Table


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """The table is of the spaces' parameters; the report has the networks' structure, its charts their costs too."""
    charted = charted_columns(inquiry.models)
    ranges = {
        name: best_ranges(rows, [c for c in charted if c in rows.columns], level=inquiry.level)
        for name, rows in inquiry.models.items()
    }
    table = best_ranges_table(inquiry.tables, level=inquiry.level)
    yield Computed("best_ranges", {"": table}, values=ranges)


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """One row per parameter and one column per study: median and range of the likely best value."""
    (computed,) = shown
    rows = []
    for column in _explored(inquiry.models, varied=True):
        cells = [_cell(computed.values[name], column) for name in inquiry.models]
        rows.append([axis(column, [0.0])[0], *cells])
    constant = [axis(column, [0.0])[0] for column in _explored(inquiry.models, varied=False)]
    notes = (f"The same in all models, hence not listed: {', '.join(constant)}.",) if constant else ()
    return Section(grid=Grid("best ranges of parameters", ["", *inquiry.models], rows), notes=notes)


def _cell(ranges: Table, column: str) -> str:
    rows = ranges[ranges["parameter"] == column]
    if rows.empty:
        return "–"
    low, median, high = (short_cell(float(rows[end].iloc[0])) for end in ("low", "median", "high"))
    return f"{median} ({low}–{high})"


def _explored(tables: Mapping[str, Table], varied: bool) -> list[str]:
    """The explored columns that differ between models, or those that do not; of one model alone all count as varied."""

    def several(column: str) -> bool:
        values = {v for t in tables.values() if column in t.columns for v in t[column].dropna().unique()}
        return len(values) > 1 or sum(map(len, tables.values())) == 1

    return [column for column in explored_columns(tables) if several(column) == varied]


EXHIBIT = Exhibit("best_ranges", compute, section=section, chapter="parameters", place=30)

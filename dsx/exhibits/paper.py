"""A paper's errors of these populations beside those found here: [lowest | mean], as its legends have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.number_words import number
from dsx.analysis.summary import summarize
from dsx.base.text import align
from dsx.exhibits.cells import value_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """One row for each study whose experiment names a paper's errors; nothing if none does."""
    papers = {study.name: study.paper for study in inquiry.studies if study.paper}
    if papers:
        table = summarize({name: inquiry.tables[name] for name in papers}, inquiry.level)
        table = table[["study", "n", *(c for c in table if str(c).startswith(("min_error", "mean_error")))]]
        for name in ("min_error", "mean_error"):
            table[f"paper_{name}"] = [getattr(paper, name) for paper in papers.values()]
        table["source"] = [paper.source for paper in papers.values()]
        yield Computed("paper", {"": table}, level=inquiry.level)


def _rows(computed: Computed) -> list[list[str]]:
    """Study, source, the paper's [lowest|mean], how many models count here, our [lowest|mean]."""
    rows = []
    for _, row in computed.main.iterrows():
        theirs = "|".join(_cell(row[f"paper_{name}"]) for name in ("min_error", "mean_error"))
        ours = f"[{number(row['min_error'], 1)} | {value_cell(row, 'mean_error')}]" if row["n"] else "–"
        rows.append([row["study"], row["source"], f"[{theirs}]", f"{row['n']:,}", ours])
    return rows


def _cell(error: float | None) -> str:
    return "–" if error is None or error != error else number(error, 1)


_HEADERS = ["", "paper", "[min|mean] error %", "here: models", "[min | mean] error %"]


def told(computed: Computed) -> list[str]:
    return [align([_HEADERS, *_rows(computed)])]


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    if not shown:
        return Section()
    grid = Grid("a paper's errors beside ours", ["study", *_HEADERS[1:]], _rows(shown[0]))
    note = (
        "The lowest error falls with the number of models: compare it where as many were trained. Means are comparable"
        " at any number."
    )
    return Section(grid=grid, notes=(note,))


EXHIBIT = Exhibit("paper", compute, told=told, section=section, chapter="errors", place=13)

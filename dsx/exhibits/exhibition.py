"""All exhibits of one inquiry: computed once, then written as tables and figures, told, and shown in the report."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsx.base import files
from dsx.base.processes import in_processes
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section, exhibits
from dsx.exhibits.pictures import vector_image
from dsx.plots.style import Axes
from dsx.results.arrays import Table

# rows from which a table is written by Arrow
_LONG = 100_000


@dataclass(frozen=True)
class Shown:
    """One exhibit with all that was computed of it."""

    exhibit: Exhibit
    computed: tuple[Computed, ...]
    pictures: tuple[Picture, ...] = ()  # its drawings that stand in the report

    def told(self) -> list[str]:
        """What it says on the terminal."""
        return [line for each in self.computed for line in self.exhibit.told(each)] if self.exhibit.told else []

    def sections(self, inquiry: Inquiry) -> Iterator[Section]:
        """Its part of the report: text, tables, and the drawings."""
        exhibit = self.exhibit
        section = (
            exhibit.section(self.computed, inquiry)
            if exhibit.section and (self.computed or not exhibit.draw)
            else Section()
        )
        whole = replace(section, pictures=(*self.pictures, *section.pictures))
        if whole:
            yield whole
        yield from exhibit.sections(self.computed, inquiry) if exhibit.sections else ()


@dataclass(frozen=True)
class Written:
    """What is in the folder. tables: of CSV files, in order; figures: names without suffix."""

    tables: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    def files(self) -> list[str]:
        """Names of all files, below the folder."""
        return [f"{name}.csv" for name in self.tables] + [
            f"{n}.{kind}" for n in self.figures for kind in ("png", "pdf")
        ]


def show(inquiry: Inquiry, folder: Path | None = None, figures: str = "none") -> tuple[list[Shown], Written]:
    """Compute every exhibit that is asked for, and write its tables and figures into the folder, if one is given.

    figures: all, main or none; those of the report are drawn whatever it is.
    """
    shown, written = [], Written()
    drawings: list[_Drawing] = []
    for exhibit in exhibits():
        wanted = folder is not None and (figures == "all" or (figures == "main" and exhibit.compares))
        in_report = exhibit.section or exhibit.sections or exhibit.caption or exhibit.told
        if not (wanted or in_report or not exhibit.beside_figure):
            continue
        computed = tuple(replace(each, metric=inquiry.metric) for each in exhibit.compute(inquiry))
        for each in computed:
            if folder is not None and (wanted or not (exhibit.beside_figure and each.drawn)):
                written.tables.extend(_write_tables(folder, each))
            drawing = _Drawing(exhibit, each, folder if wanted else None)
            drawings += [drawing] if inquiry.models and drawing.wanted else []
        shown.append(Shown(exhibit, computed))
    written.figures.extend(drawing.computed.path for drawing in drawings if drawing.folder is not None)
    pictures: dict[str, list[Picture]] = {}
    for drawing, picture in zip(drawings, in_processes(_Drawing.draw, drawings), strict=True):
        pictures.setdefault(drawing.exhibit.name, []).extend([picture] if picture else [])
    return [replace(each, pictures=tuple(pictures.get(each.exhibit.name, ()))) for each in shown], written


def _write_tables(folder: Path, computed: Computed) -> Iterator[str]:
    for suffix, table in computed.tables.items():
        files.write_bytes(folder / f"{computed.path}{suffix}.csv", csv_bytes(table))
        yield f"{computed.path}{suffix}"


def csv_bytes(table: Table) -> bytes:
    """The table as CSV. Long ones are written by Arrow, nine times as fast; read back, the numbers are the same."""
    if len(table) < _LONG:
        return table.to_csv(index=False).encode()
    import pyarrow as pa
    from pyarrow import csv

    stream = io.BytesIO()
    stream.write(table.iloc[:0].to_csv(index=False).encode())
    content = pa.Table.from_pandas(table, preserve_index=False)
    csv.write_csv(content, stream, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return stream.getvalue()


@dataclass(frozen=True)
class _Drawing:
    """What is drawn once: as files where a folder is given, and for the report where the exhibit has a caption."""

    exhibit: Exhibit
    computed: Computed
    folder: Path | None

    @property
    def wanted(self) -> bool:
        exhibit = self.exhibit
        return (
            exhibit.draw is not None
            and self.computed.drawn
            and (self.folder is not None or exhibit.caption is not None)
        )

    def draw(self) -> Picture | None:
        """Write the files; what stands in the report, if anything does."""
        from dsx.plots.recording import recorded
        from dsx.plots.saving import close, write_files

        assert self.exhibit.draw is not None
        axes: Axes = self.exhibit.draw(self.computed, None)
        caption = self.exhibit.caption(self.computed) if self.exhibit.caption else None
        record = recorded(axes)
        close(axes)
        if self.folder is not None:
            write_files(record, self.folder / self.computed.path)
        picture = replace(caption, source=vector_image(record)) if caption else None
        return picture


def computed_of(shown: Sequence[Shown], name: str) -> Computed:
    """The one `Computed` of an exhibit that has one for all studies."""
    return next(each.computed[0] for each in shown if each.exhibit.name == name)

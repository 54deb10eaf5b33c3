"""What an exhibit is, and the list of them all.

An exhibit is one file: what is computed (tables), how they are drawn, what they say, and where they stand in the
report. CSV files, PNG, PDF, the report and the printed words all come from the same computed tables.

A module of this package that has an `EXHIBIT` is one; other packages add theirs by the entry point `dsx.exhibits`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dsx.analysis.decisions import Decisions, decisions
from dsx.analysis.verdict import Looks, Margin
from dsx.base import entry_points
from dsx.base.errors import DsxError
from dsx.exhibits.studies import StudyFacts
from dsx.plots.inputs import counts_in_words
from dsx.plots.style import Axes
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table

# of the report, in its order; `""`: an exhibit that is only a table, or only a figure
Chapter = Literal["counts", "verdicts", "errors", "comparison", "parameters", "fits", "best", "curves", ""]
GROUP = "dsx.exhibits"


@dataclass(frozen=True, eq=False)
class Inquiry:
    """What is looked at, and how. margin, looks: as `decisions` takes them."""

    studies: Sequence[StudyFacts]
    level: float = 0.95  # of every interval, and of all verdicts together
    margin: Margin | None = None
    looks: Looks = "any"

    @cached_property
    def metric(self) -> Metric:
        """What `error` is of, in all studies. Raises DsxError if it is not the same in all."""
        by_study = {study.name: study.metrics[0] for study in self.studies}
        metrics = list(by_study.values())
        if any((m.name, m.unit, m.better) != (metrics[0].name, metrics[0].unit, metrics[0].better) for m in metrics):
            told = "; ".join(f"{name}: {metric.axis}, {metric.better} is better" for name, metric in by_study.items())
            raise DsxError(f"studies are compared by one metric ({told}): choose one that all have with --metric")
        return metrics[0] if metrics else ERROR

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Study → results table, a row per run, whatever its state."""
        return {study.name: study.table for study in self.studies}

    @cached_property
    def models(self) -> dict[str, Table]:
        """Study → a row per model that counts, of the studies that have some, with what is known of its network."""
        return {study.name: study.models for study in self.studies if len(study.models)}

    @cached_property
    def counts(self) -> list[str]:
        """How many models there are in each state, in words, as figures of all studies say it."""
        return counts_in_words(self.tables)

    @cached_property
    def decided(self) -> Decisions:
        """The verdicts: what may be said of which study is better, and nothing else may."""
        return decisions(self.tables, self.level, self.margin, self.looks)

    @property
    def studied(self) -> list[StudyFacts]:
        """The studies that have models that count."""
        return [study for study in self.studies if len(study.models)]


@dataclass(frozen=True, eq=False)
class Computed:
    """One exhibit of one inquiry, computed: no statistic is worked out after this; it is drawn, told and written."""

    path: str  # below the analysis' folder, without suffix: `edf`, `figures/AnyNetXA/scatter`
    tables: Mapping[str, Table]  # by what is added to the path; "" is the main one
    study: StudyFacts | None = None  # of which study, where it is of one
    level: float = 0.95
    # what a drawing or a sentence needs besides: statistics as objects, notes in words
    values: Mapping[str, Any] = field(default_factory=dict)
    metric: Metric = ERROR  # what `error` is of
    drawn: bool = True  # where the exhibit has drawings; if not, its tables are written whatever figures are asked for

    @property
    def main(self) -> Table:
        return self.tables[""]

    @property
    def study_name(self) -> str:
        """Empty where it is of no one study."""
        return self.study.name if self.study else ""


@dataclass(frozen=True)
class Grid:
    """A table of text. headers: one per column; rows: cells, the first of each naming the row. label: what it holds."""

    label: str
    headers: list[str]
    rows: list[list[str]]

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Picture:
    """An image as a data URL, what it shows for those who cannot see it, and a caption. kind: a class of the page."""

    source: str
    alternative: str
    caption: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """What an exhibit has in its chapter of the report, from top to bottom; empty parts are left out."""

    heading: str = ""
    intro: str = ""
    folded: tuple[str, ...] = ()  # sentences behind a click
    grid: Grid | None = None
    notes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.grid or self.sentences or self.pictures or self.folded or self.notes)


@dataclass(frozen=True)
class Exhibit:
    """compute: an inquiry → one `Computed` for each thing shown (study, pair, all), none where it does not apply.

    draw: on these axes or new ones. told: sentences for the terminal. section: all that was computed of it → its part
    of the report; sections: further ones, each with a heading. caption: of a drawing that stands in the report too.
    """

    name: str
    compute: Callable[[Inquiry], Iterable[Computed]]
    draw: Callable[[Computed, Axes | None], Axes] | None = None
    told: Callable[[Computed], list[str]] | None = None
    section: Callable[[Sequence[Computed], Inquiry], Section] | None = None
    sections: Callable[[Sequence[Computed], Inquiry], Iterable[Section]] | None = None
    caption: Callable[[Computed], Picture] | None = None
    chapter: Chapter = ""
    place: int = 50  # among all exhibits, and so within its chapter
    compares: bool = True  # studies with each other: drawn also where only the main figures are asked for
    beside_figure: bool = False  # its tables are written only where its figure is


def exhibits() -> list[Exhibit]:
    """Every exhibit, in order. Raises DsxError if two have one name or another package's is none."""
    known = []
    package = importlib.import_module("dsx.exhibits")
    for module in pkgutil.iter_modules(package.__path__):
        exhibit = getattr(importlib.import_module(f"dsx.exhibits.{module.name}"), "EXHIBIT", None)
        known += [exhibit] if isinstance(exhibit, Exhibit) else []
    expected = "an instance of dsx.exhibits.exhibit.Exhibit"
    for entry in entry_points.added(GROUP):
        known.append(entry_points.load(entry, "exhibit", lambda found: isinstance(found, Exhibit), expected))
    names = [exhibit.name for exhibit in known]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DsxError(f"two exhibits are called '{twice}': rename one")
    return sorted(known, key=lambda exhibit: (exhibit.place, exhibit.name))

"""`dsx analyze`: tables, figures and the report of studies and of files of results."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from dsx.analysis.verdict import Looks, parse_margin
from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.schema import Frozen
from dsx.base.text import plural
from dsx.commands.selection import sources
from dsx.recipes.metric import Metric
from dsx.results.arrays import Table
from dsx.results.readers import Results
from dsx.study.study import Study

if TYPE_CHECKING:
    from dsx.exhibits.studies import StudyFacts
    from dsx.exhibits.subsets import Subset


class AnalysisSettings(Frozen):
    """How studies are analysed: the options of `dsx analyze`, and what experiments say of it."""

    level: Annotated[float, Field(gt=0, lt=1)] = 0.95  # of all intervals, and of all verdicts together
    margin: str | None = None  # within which two studies count as equivalent, as in 0.05 or 1pt; null: none do
    looks: Looks = "any"  # one: where n was fixed beforehand and this is the only look
    figures: Literal["all", "main", "none"] = "all"  # main: those that compare studies
    where: str = ""  # where, split: of which models, and into which parts each study is cut (`dsx.exhibits.subsets`)
    split: str = ""
    metric: str = ""  # of a training of one's own, which of its metrics is compared; by default the one of the recipe

    @field_validator("margin", mode="before")
    @classmethod
    def _margin(cls, given: object) -> object:
        if given is None or isinstance(given, bool):
            return given
        try:
            parse_margin(str(given))
        except DsxError as error:
            raise ValueError(str(error).removeprefix(f"margin = {given}: ")) from None
        return str(given)

    def options(self) -> list[str]:
        """As typed after `dsx analyze`, of what changes a number or a sentence."""
        given = {"--level": f"{self.level}", "--margin": self.margin, "--looks": self.looks}
        given |= {"--where": self.where, "--split": self.split, "--metric": self.metric}
        usual = {"--level": "0.95", "--looks": "any"}
        return [word for flag, value in given.items() if value and value != usual.get(flag) for word in (flag, value)]

    def parts(self, studies: list[StudyFacts]) -> Subset:
        """The studies or parts of them that are looked at."""
        from dsx.exhibits.studies import by_metric
        from dsx.exhibits.subsets import Subset, split, where

        studies = [by_metric(study, self.metric) for study in studies] if self.metric else studies
        kept = where(studies, self.where) if self.where else Subset(studies, [])
        cut = split(kept.studies, self.split) if self.split else Subset(kept.studies, [])
        return Subset(cut.studies, [*kept.account, *cut.account])


@dataclass(frozen=True, eq=False)
class Analysed:
    """What an analysis found. As text, what the terminal shows: the table and the findings.

    summary, verdicts: a row for each study, and for each pair and measure.
    """

    folder: Path
    metric: Metric
    lines: tuple[str, ...]
    summary: Table
    verdicts: Table

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def to_dict(self) -> dict[str, object]:
        """For scripts; what is not known is null."""
        return {
            "folder": str(self.folder),
            "metric": self.metric.to_dict(),
            "studies": self.summary.to_dict("records"),
            "verdicts": self.verdicts.to_dict("records"),
            "words": list(self.lines),
        }


def analyze(
    arguments: Sequence[str], out: Path | None, settings: AnalysisSettings, overrides: Sequence[str] = ()
) -> Analysed:
    """Tables, figures and report of studies and of files of results; the findings.

    overrides: how files are read (`dsx.commands.selection.sources`). Raises DsxError.
    """
    chosen = sources(arguments, overrides)
    accounts = [f"read {s.path}: {s.format}, {s.account}" for s in chosen if isinstance(s, Results) and s.account]
    named = [str(source.path) for source in chosen] if any(isinstance(s, Results) for s in chosen) else []
    command = shlex.join(["dsx", "analyze", *named, *overrides, *settings.options()]) if named else ""
    analysed = analyze_studies(chosen, out, settings, command=command)
    return replace(analysed, lines=(*accounts, *analysed.lines))


def analyze_studies(
    studies: Sequence[Study | Results],
    out: Path | None,
    settings: AnalysisSettings,
    question: str = "",
    command: str = "",
) -> Analysed:
    """Write every table as CSV, every figure as PNG, PDF and CSV, and report.html; what was found.

    question: what the studies are to answer; command: the one that makes all of it again; both for the report.
    """
    from dsx.exhibits.exhibit import Inquiry
    from dsx.exhibits.exhibition import computed_of, show
    from dsx.exhibits.headline import conclusion
    from dsx.report import write_report
    from dsx.results.states import mixed_conditions

    folder = out or _common_folder(studies) / ("analysis_of_parts" if settings.where or settings.split else "analysis")
    files.check_writable(folder, "name another with --out")
    margin = None if settings.margin is None else parse_margin(settings.margin)
    parts = settings.parts(_facts(studies))
    inquiry = Inquiry(parts.studies, settings.level, margin, settings.looks)
    shown, written = show(inquiry, folder, settings.figures)
    command = command or shlex.join(["dsx", "analyze", *(str(study.path) for study in studies), *settings.options()])
    write_report(folder / "report.html", inquiry, shown, question=question, command=command)
    findings = [line for each in shown for line in each.told()]
    count = f"{plural(len(written.tables), 'table')} (CSV), {plural(len(written.figures), 'figure')} (PNG and PDF)"
    gone = _remove_others(folder, {"report.html", *written.files()})
    closing = f"wrote {folder}: report.html, {count}"
    closing += f"; removed {plural(gone, 'file')} of an earlier analysis" if gone else ""
    head = [*([question] if question else []), *parts.account]
    lines = (*head, *findings, *mixed_conditions(inquiry.tables), closing, *conclusion(inquiry.decided))
    summary, verdicts = (computed_of(shown, name).main for name in ("summary", "verdicts"))
    return Analysed(folder, inquiry.metric, lines, summary, verdicts)


def _remove_others(folder: Path, names: set[str]) -> int:
    """Remove what an earlier analysis wrote here and this one did not, which would contradict it; how many files.

    What others put there stays: an analysis notes the names that it wrote.
    """
    record = folder / ".written.json"
    before = (files.read_json(record) or {}).get("files")
    inside = folder.resolve()
    gone = [
        path
        for name in (before if isinstance(before, list) else [])
        if str(name) not in names and (path := folder / str(name)).is_file() and path.resolve().is_relative_to(inside)
    ]
    for path in gone:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # of a study that is not among these any more
    files.write_json(record, {"files": sorted(names)})
    return len(gone)


def _facts(studies: Sequence[Study | Results]) -> list[StudyFacts]:
    """What is known of each, under a name of its own: that of its folder or file, or its path where two have one."""
    from dsx.exhibits.studies import imported
    from dsx.report import gather

    gathered: list[tuple[Study | Results, StudyFacts]] = []
    for source in studies:
        if isinstance(source, Results):
            gathered += [(source, facts) for facts in imported(source).values()]
        else:
            gathered.append((source, gather(source, source.path.resolve().name)))
    names = [facts.name for _, facts in gathered]
    paths = [
        f"{source.path}:{facts.name}" if isinstance(source, Results) and len(source.tables) > 1 else str(source.path)
        for source, facts in gathered
    ]
    return [
        facts if names.count(facts.name) == 1 else replace(facts, name=path)
        for (_, facts), path in zip(gathered, paths, strict=True)
    ]


def _common_folder(studies: Sequence[Study | Results]) -> Path:
    """Where `analysis/` goes: into the study, beside the studies, or under runs/ if there are files of results."""
    if any(isinstance(study, Results) for study in studies):
        return Path("runs")
    if len(studies) == 1:
        return studies[0].path
    parents = {study.path.parent for study in studies}
    return parents.pop() if len(parents) == 1 else Path("runs")

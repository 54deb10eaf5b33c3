"""One self-contained HTML page about some studies: all inside, nothing fetched, the same input the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dsx
from dsx import analysis
from dsx.base import files
from dsx.base.provenance import versions
from dsx.base.text import plural
from dsx.plots.style import color
from dsx.report import figures, sections
from dsx.report.charts import MAX_POINTS, chart_data
from dsx.report.facts import StudyFacts

if TYPE_CHECKING:
    import pandas as pd

_HERE = Path(__file__).parent
_LIBRARIES = ("numpy", "scipy", "pandas", "matplotlib", "plotly")


def write_report(
    path: Path,
    facts: Sequence[StudyFacts],
    written: Mapping[str, pd.DataFrame] | None = None,
    *,
    level: float = 0.95,
    question: str = "",
    command: str = "",
) -> Path:
    """Write the page about these studies to `path`, complete or not at all.

    written: what `dsx.analysis.analyze` gave for them, if at hand. question: what the studies are to answer.
    command: the one command that makes all of this again, such as `dsx run quickstart`.
    """
    page = render(facts, written, level=level, question=question, command=command)
    files.write_bytes(path, page.encode())
    return path


def render(
    facts: Sequence[StudyFacts],
    written: Mapping[str, pd.DataFrame] | None = None,
    *,
    level: float = 0.95,
    question: str = "",
    command: str = "",
) -> str:
    """The page as text; arguments as for `write_report`. A function of its arguments and the libraries' versions."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tables = {one.name: one.table for one in facts}
    written = analysis.analyze(tables, level) if written is None else written
    content = _content(facts, tables, written, level)
    inlined = {name: (_HERE / f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    return environment.get_template("page.html").render(
        **content, **inlined, question=question, command=command, level=level,
        percent=f"{100 * level:g} %", plotly=get_plotlyjs() if content["finished"] else "",
    )  # fmt: skip


def _content(
    facts: Sequence[StudyFacts], tables: Mapping[str, pd.DataFrame], written: Mapping[str, pd.DataFrame], level: float
) -> dict[str, Any]:
    rows = {one.name: one.models for one in facts}
    linear, linear_notes = sections.linear_grid(facts, level)
    complexity, complexity_notes = sections.complexity_grid(facts, level)
    finished = figures.has_results(tables)
    headline = sections.headline(written, level)
    thinned = [f"{name}: {MAX_POINTS:,} of {len(t):,}" for name, t in rows.items() if len(t) > MAX_POINTS]
    return {
        "names": [one.name for one in facts],
        "facts": facts,
        "finished": finished,
        "headline": headline,
        "warnings": analysis.mixed_conditions(dict(tables)) + sections.unfinished_warning(facts),
        "counts": [(row["study"], row["words"]) for _, row in written["counts"].iterrows()],
        "summary": sections.summary_grid(written["summary"]),
        "pairs": sections.comparison_grid(written["comparison"]),
        "sentences": [words for words in written["comparison"]["words"] if words not in headline],
        "matched": sections.matched_sentences(written),
        "best_ranges": sections.best_range_grid(rows, level),
        "linear": linear,
        "linear_notes": linear_notes,
        "complexity": complexity,
        "complexity_notes": complexity_notes,
        "edf": figures.edf_figure(tables, level) if finished else None,
        "search": figures.search_figure(tables, level) if finished else None,
        "without_curves": [one.name for one in facts if one.curves is None and len(one.models)],
        "constant": sections.constant_columns(rows),
        "trends": figures.trends_figure(facts, level),
        "commands": any(one.commands for one in facts),
        "curves": [f for one in facts if (f := figures.curve_figure(one.name, one.curves))],
        "best": [
            (name, made)
            for i, (name, t) in enumerate(rows.items())
            if (made := figures.best_networks(t, color=color(i)))
        ],
        "failures": [(one.name, one.failures, sections.failure_total(one)) for one in facts if one.failures],
        "problems": [problem for one in facts for problem in one.problems],
        "data": _embedded(chart_data(rows, level)) if finished else "{}",
        "thinned": thinned,
        "max_points": f"{MAX_POINTS:,}",
        "versions": _versions(),
        "plural": plural,
    }


def _versions() -> str:
    """`dsx 0.1.0, numpy 2.0.1, …`: what computed the numbers of the page."""
    known = {"dsx": dsx.__version__, **versions(_LIBRARIES)}
    return ", ".join(f"{name} {version}" for name, version in known.items())


def _embedded(data: Any) -> Any:
    """JSON that may stand inside a script element whatever its strings hold: no character can end it."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))

"""One self-contained HTML page about some studies: all inside, nothing fetched, the same input the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dsx
from dsx.base import files
from dsx.base.provenance import versions
from dsx.base.text import listed, plural
from dsx.exhibits.exhibit import Inquiry, Section
from dsx.exhibits.exhibition import Shown, computed_of, show
from dsx.exhibits.headline import headline
from dsx.exhibits.studies import StudyFacts
from dsx.plots.edf import BANDED
from dsx.recipes.metric import ERROR, Metric
from dsx.report.charts import MAX_POINTS, chart_data
from dsx.results.states import mixed_conditions

if TYPE_CHECKING:
    from markupsafe import Markup

_HERE = Path(__file__).parent
_LIBRARIES = ("numpy", "scipy", "pandas", "matplotlib", "plotly")


@dataclass(frozen=True)
class Chapter:
    """A part of the page: id of its element, title, a paragraph above its sections."""

    id: str
    title: str
    intro: str
    sections: list[Section]


# (id, title, intro); {percent}: the level of the intervals; the rest: words of the metric
_CHAPTERS = (
    ("verdicts", "Verdicts", ""),
    (
        "errors",
        "{title}",
        "Each curve is the share of a space's models with {metric} {side} e: the further up and left, the better the"
        " space. The shaded band holds the whole true curve with {percent} confidence.",
    ),
    ("comparison", "Differences", ""),
    (
        "parameters",
        "Parameters",
        "Where the best models lie: the median of each quantity at the best of a random quarter of the models, and in"
        " brackets the range that holds {percent} of such best values. A range as wide as the space itself says that"
        " the models do not tell.",
    ),
    ("fits", "Fits", ""),
    (
        "best",
        "Best networks",
        "A bar for every block, first to last, as high as it is wide in channels; the black marks are the best"
        " quantised line, dashed the line itself. Among many models the {extreme} {noun} is partly luck of the draw.",
    ),
    ("curves", "Training curves", ""),
)


def write_report(
    path: Path, inquiry: Inquiry, shown: Sequence[Shown] | None = None, *, question: str = "", command: str = ""
) -> Path:
    """Write the page about an inquiry's studies to `path`, complete or not at all.

    shown: its exhibits, if at hand. question: what the studies are to answer. command: the one command that makes
    all of this again, such as `dsx run quickstart`.
    """
    files.write_bytes(path, render(inquiry, shown, question=question, command=command).encode())
    return path


def render(inquiry: Inquiry, shown: Sequence[Shown] | None = None, *, question: str = "", command: str = "") -> str:
    """The page as text; arguments as for `write_report`. A function of its arguments and the libraries' versions."""
    from plotly.offline import get_plotlyjs

    content = _content(inquiry, show(inquiry)[0] if shown is None else shown)
    scripts = {"js": _inlined("page.js"), "plotly": get_plotlyjs() if content["finished"] else ""}
    return rendered("page.html", **content, **scripts, question=question, command=command)


def rendered(template: str, **content: object) -> str:
    """A page of this package with that content, and the style of all of them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(css=_inlined("page.css"), **content)


def _inlined(file: str) -> str:
    return (_HERE / file).read_text(encoding="utf-8")


def _content(inquiry: Inquiry, shown: Sequence[Shown]) -> dict[str, object]:
    rows = {study.name: study.models for study in inquiry.studies}
    summary, counts = (computed_of(shown, name).main for name in ("summary", "counts"))
    curves, ranges = computed_of(shown, "edf").values["curves"], computed_of(shown, "best_ranges").main
    thinned = [f"{name}: {MAX_POINTS:,} of {len(t):,}" for name, t in rows.items() if len(t) > MAX_POINTS]
    computed_by = {"dsx": dsx.__version__, **versions(_LIBRARIES)}
    return {
        "names": list(inquiry.tables),
        "facts": inquiry.studies,
        "finished": bool(inquiry.models),
        "banded": len(inquiry.models) <= BANDED,
        "headline": headline(summary, inquiry.decided, inquiry.level, inquiry.metric),
        "warnings": mixed_conditions(inquiry.tables) + _unfinished(inquiry.studies, inquiry.metric),
        "counts": [(row["study"], row["words"]) for _, row in counts.iterrows()],
        "chapters": _chapters(inquiry, shown) if inquiry.models else [],
        "commands": any(study.commands for study in inquiry.studies),
        "failures": [
            (study.name, study.failures, sum(len(group.run_ids) for group in study.failures))
            for study in inquiry.studies
            if study.failures
        ],
        "problems": [problem for study in inquiry.studies for problem in study.problems],
        "data": _embedded(chart_data(rows, curves, ranges, inquiry.level, inquiry.metric)) if inquiry.models else "{}",
        "thinned": thinned,
        "max_points": f"{MAX_POINTS:,}",
        "versions": ", ".join(f"{name} {version}" for name, version in computed_by.items()),
        "plural": plural,
        # many names stand in the line above
        "asked": listed(list(inquiry.tables)) if len(inquiry.tables) <= 3 else f"{len(inquiry.tables)} design spaces",
        "metric": inquiry.metric,
    }


def _chapters(inquiry: Inquiry, shown: Sequence[Shown]) -> list[Chapter]:
    """The chapters that something stands in."""
    metric = inquiry.metric
    plain = metric.words == ERROR.words
    said = {
        "percent": f"{100 * inquiry.level:g} %",
        "title": "Error distributions" if plain else f"Distributions of {metric.words}",
        "noun": metric.words,
        "metric": f"an {metric.words}" if plain else metric.words,
        "side": "below" if metric.better == "lower" else "above",
        "extreme": metric.extreme,
    }
    chapters = []
    for name, title, intro in _CHAPTERS:
        sections = [
            section for each in shown if each.exhibit.chapter == name for section in each.sections(inquiry) if section
        ]
        if sections:
            chapters.append(Chapter(name, title.format(**said), intro.format(**said), sections))
    return chapters


def _unfinished(studies: Sequence[StudyFacts], metric: Metric) -> list[str]:
    """Sentences for studies of which a noticeable share has no value."""
    sentences = []
    for study in studies:
        counted = len(study.models)
        models = study.table["model_id"].nunique() if "model_id" in study.table.columns else len(study.table)
        missing = models - counted
        if counted and missing / models >= 0.02:
            share = f"{missing:,} of {models:,} models ({100 * missing / models:.0f} %)"
            sentences.append(
                f"{study.name}: {share} have no {metric.words} and enter no statistic; if they are not a random share,"
                " the comparison leans towards the rest."
            )
    return sentences


def _embedded(data: object) -> Markup:
    """JSON that may stand inside a script element whatever its strings hold: no character can end it."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))

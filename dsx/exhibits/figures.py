"""Every figure of an analysis: which ones apply, the tables that they show, and where they are written.

Each is PNG, PDF and CSV of one name: what compares studies beside the tables, what shows one study under
`figures/STUDY/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from dsx import analysis, plots
from dsx.base import files
from dsx.base.errors import DsxError
from dsx.exhibits import drawn
from dsx.plots.style import close
from dsx.report.charts import COMPLEXITY, STRUCTURE, explored_columns
from dsx.report.facts import StudyFacts
from dsx.report.networks import block_widths_of
from dsx.report.regimes import regime_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WHICH = ("all", "main", "none")
# studies up to which each pair gets a figure of its own
MOST_FOR_PAIRS = 4
# columns of which every pair is drawn: those that go with the error most
_PAIRED = 4
# resamples per size, and per size of very large populations
_TRIALS, _FEW_TRIALS, _LARGE = 200, 30, 10_000


@dataclass(frozen=True)
class Figure:
    """name: path below the analysis folder, without suffix. draw: makes it.

    tables: what it shows, by what is added to the name of the CSV; "" is the main one.
    """

    name: str
    draw: Callable[[], Axes]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def check_which(which: str) -> str:
    """`all`, `main` (those that compare studies) or `none`. Raises DsxError for another word."""
    if which not in WHICH:
        raise DsxError(f"--figures {which}: expected one of {', '.join(WHICH)}")
    return which


def save_figures(
    folder: Path, facts: Sequence[StudyFacts], written: Mapping[str, pd.DataFrame], level: float, which: str = "all"
) -> tuple[list[str], int]:
    """Draw and write the figures that apply; their names, and how many tables were written beside them.

    written: what `dsx.analysis.analyze` gave; the tables of `edf` and `random_search` are among them.
    """
    if which == "none" or not any(len(one.models) for one in facts):
        return [], 0
    names, tables = [], 0
    for figure in _figures(facts, written, level, which):
        ax = figure.draw()
        plots.save(ax, (folder / figure.name).parent, Path(figure.name).name)
        close(ax)
        names.append(figure.name)
        for suffix, table in figure.tables.items():
            files.write_bytes(folder / f"{figure.name}{suffix}.csv", table.to_csv(index=False).encode())
            tables += 1
    return names, tables


def _figures(
    facts: Sequence[StudyFacts], written: Mapping[str, pd.DataFrame], level: float, which: str
) -> Iterator[Figure]:
    yield from _comparing(facts, level)
    if which == "all":
        folders = slugs([one.name for one in facts])
        for one, slug in zip(facts, folders, strict=True):
            if len(one.models):
                yield from _of_study(one, f"figures/{slug}/", written, level)


def slugs(names: Sequence[str]) -> list[str]:
    """Names of studies as names of files, all different."""
    found: list[str] = []
    for name in names:
        slug = re.sub(r"[^\w.+-]+", "_", name).strip("._") or "study"
        found.append(slug if slug not in found else f"{slug}_{len(found)}")
    return found


def _comparing(facts: Sequence[StudyFacts], level: float) -> Iterator[Figure]:
    """EDFs, random search, the difference of each pair's EDFs, and trends over studies of one space."""
    tables = {one.name: one.table for one in facts}
    known = {one.name: one.table for one in facts if len(one.models)}
    yield Figure("edf", lambda: plots.edf(tables, level=level))
    yield Figure("random_search", lambda: plots.random_search(tables, level=level))
    if len(known) <= MOST_FOR_PAIRS:
        slug = dict(zip(known, slugs(list(known)), strict=True))
        for a, b in combinations(known, 2):
            pair = {a: known[a], b: known[b]}
            shown = analysis.edf_difference_table(known[a], known[b], level)
            name = f"edf_difference_{slug[a]}_{slug[b]}"
            yield Figure(name, partial(plots.edf_difference, pair, level=level), {"": shown})
    regime, at = regime_of(facts)
    if regime:
        trends = analysis.trend({name: known[name] for name in at}, at, level=level)
        fits = analysis.trend_fits(trends, level=level)
        agreement = analysis.rank_agreement({name: known[name] for name in at}, level)
        others = {"_fits": fits} | ({"_ranks": agreement} if (agreement["n"] > 3).any() else {})
        if len(trends):
            yield Figure("trends", lambda: plots.trends(trends, regime=regime), {"": trends, **others})


def _of_study(one: StudyFacts, folder: str, written: Mapping[str, pd.DataFrame], level: float) -> Iterator[Figure]:
    rows, whole, name = one.models, one.whole, one.name
    columns = drawn.varied(rows, [*explored_columns({name: rows}), *COMPLEXITY])
    parameters = [column for column in columns if column not in COMPLEXITY]
    if columns:
        shown = {"": drawn.points_table(rows, columns), "_ranges": analysis.best_ranges(rows, columns, level=level)}
        yield Figure(f"{folder}scatter", lambda: plots.scatters(whole, columns, name=name, level=level), shown)
    # derived from the parameters, and so going with them
    own = [column for column in parameters if column not in STRUCTURE]
    paired = drawn.leading(rows, own if len(own) > 1 else parameters, _PAIRED)
    boxes = drawn.boxes_table(rows, paired, level=level)
    if len(boxes):
        pairs = {"": drawn.points_table(rows, paired), "_boxes": boxes}
        yield Figure(f"{folder}pairs", lambda: plots.pair_scatters(whole, paired, name=name, level=level), pairs)
    if parameters:
        bars = {"": drawn.marginals_table(rows, parameters)}
        yield Figure(f"{folder}marginals", lambda: plots.marginals(whole, parameters, name=name), bars)
    fits = drawn.complexity_fits(rows, level)
    if fits:
        measured = list(dict.fromkeys(column for pair in fits for column in pair))
        lines = {"": drawn.points_table(rows, measured), "_fits": drawn.complexity_table(fits)}
        yield Figure(f"{folder}complexity", lambda: plots.complexity(whole, name=name, level=level), lines)
    yield from _of_networks(one, folder)
    if one.curves is not None and len(one.curves) and "error" in one.curves.columns:
        curves, runs = one.curves, int(one.table["error"].notna().sum())
        picked = {"": analysis.representative_curves(curves)}
        yield Figure(f"{folder}curves", lambda: plots.training_curves(curves, name=name, n=runs), picked)
    if len(rows) >= 8 and rows["error"].nunique() > 1:  # else there are no smaller samples to speak of
        distances = analysis.ks_by_sample_size(rows, trials=_TRIALS if len(rows) < _LARGE else _FEW_TRIALS)
        title = f"{name}: {len(rows):,} models that count"
        yield Figure(f"{folder}sample_size", lambda: plots.sample_size(distances, name=title), {"": distances})


def _of_networks(one: StudyFacts, folder: str) -> Iterator[Figure]:
    """Diagrams of the best networks, and error against e_fit, where the widths are known."""
    rows = one.models
    if "stages" not in rows.columns or not rows["stages"].notna().any():
        return
    widths = [block_widths_of(stages) if isinstance(stages, list) else None for stages in rows["stages"]]
    try:
        shown, fits = drawn.networks_table(rows, widths), one.fitted
    except DsxError:  # too deep to fit
        return
    name = one.name
    yield Figure(f"{folder}networks", lambda: plots.top_networks(one.whole, name=name, widths=widths), {"": shown})
    if fits["e_fit"].nunique() > 1:
        yield Figure(f"{folder}e_fit", lambda: plots.e_fit(one.whole, fits, name=name), {"": fits})

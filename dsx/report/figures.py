"""Still figures of a report: vector images inside the page, so that it prints and reads without scripts."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsx import plots
from dsx.analysis import finished, trend
from dsx.base.errors import DsxError
from dsx.base.units import format_number
from dsx.plots.style import PALETTE, close, house_style
from dsx.report.diagram import network_svg
from dsx.report.facts import StudyFacts
from dsx.report.networks import stages_in_words
from dsx.report.regimes import regime_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# collections of more points are drawn as pixels inside the vector image
_MANY = 3000


@dataclass(frozen=True)
class Figure:
    """An image as a data URL, what it shows for those who cannot see it, and a caption."""

    source: str
    alternative: str
    caption: str = ""


def figure(draw: Callable[[], Axes], alternative: str, caption: str = "") -> Figure | None:
    """The figure that `draw` makes, or None where there is nothing to draw (`draw` raises DsxError)."""
    try:
        with house_style():
            return Figure(svg(draw()), alternative, caption)
    except DsxError:
        return None


def svg(drawn: Axes) -> str:
    """Axes as a data URL of an SVG; the same axes give the same text."""
    import matplotlib

    whole: Any = drawn.figure
    for axes in whole.axes:
        for collection in axes.collections:
            if len(collection.get_offsets()) > _MANY:
                collection.set_rasterized(True)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "dsx", "svg.fonttype": "path", "savefig.bbox": "tight"}):
        whole.savefig(buffer, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
    close(drawn)
    return _data_url(buffer.getvalue())


def _data_url(image: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(image).decode()}"


def edf_figure(tables: Mapping[str, pd.DataFrame], level: float) -> Figure | None:
    """The error distributions, for print and for readers without scripts."""
    names = ", ".join(tables)
    return figure(lambda: plots.edf(tables, level=level), f"error distribution functions of {names}")


def search_figure(tables: Mapping[str, pd.DataFrame], level: float) -> Figure | None:
    """Expected lowest error against models tried."""
    return figure(
        lambda: plots.random_search(tables, level=level),
        f"expected lowest error against the number of models tried, for {', '.join(tables)}",
        "The lowest error to expect of so many models drawn at random: how soon a search finds a good one.",
    )


def trends_figure(facts: Sequence[StudyFacts], level: float) -> Figure | None:
    """Best ranges against the scale, if the studies are one space at several."""
    regime, at = regime_of(facts)
    if not regime:
        return None
    tables = {one.name: one.table for one in facts if one.name in at}
    return figure(
        lambda: plots.trends(trend(tables, at, level=level), regime=regime),
        f"best ranges of parameters against {regime}",
    )


def curve_figure(name: str, curves: pd.DataFrame | None) -> Figure | None:
    """Error over epochs of the best, the median and the worst run."""
    if curves is None or "error" not in curves.columns:
        return None
    return figure(lambda: _curves(curves), f"{name}: error over epochs of the best, median and worst model", name)


def _curves(curves: pd.DataFrame) -> Axes:
    axes = plots.training_curves(curves)
    legend = axes.get_legend()
    if legend is not None:
        legend.set_title("")  # the number of runs at hand, three, says nothing
    return axes


def best_networks(table: pd.DataFrame, count: int = 3, color: str = PALETTE[0]) -> list[Figure]:
    """Drawings of the networks of lowest error, best first (`dsx.report.diagram`).

    table: finished models with `stages`, as `StudyFacts.models` gives them.
    """
    if "stages" not in table.columns:
        return []
    found = []
    rows = table[table["stages"].notna()]
    for _, row in rows.sort_values(["error", "model_id"], kind="stable").head(count).iterrows():
        words = stages_in_words(row["stages"])
        drawing, fit = network_svg(row["stages"], color)
        numbers = [f"{format_number(row[c])} {c}" for c in ("flops", "params", "acts") if c in row.index]
        fitted = f"; fit w0 {fit.w0:g}, wa {fit.wa:g}, wm {fit.wm:g}, e_fit {fit.error:.2f}" if fit else ""
        caption = f"{row['error']:.3g} % error: {row['model_id']}, {words}; {', '.join(numbers)}{fitted}"
        found.append(Figure(_data_url(drawing.encode()), f"width of each block: {words}", caption))
    return found


def has_results(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Whether any study has a finished model."""
    return any(len(finished(table)) for table in tables.values())

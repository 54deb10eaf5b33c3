"""The figure of a population: the marginal of every parameter, and of flops, params and acts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.errors import DsxError
from dsx.plots.labels import axis
from dsx.plots.style import GREY, color, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NOT_DRAWN = ("model_id", "space")
_ACROSS = 4


def population(table: Any, title: str = "") -> Figure:
    """A histogram of every column of a population's table; bars for text and for few distinct values.

    table: `Population.table`, (n models). Columns with one value alone are left out. Raises DsxError if none is left.
    """
    names = [name for name in table.columns if name not in _NOT_DRAWN and table[name].nunique() > 1]
    if not names:
        raise DsxError("nothing to draw: all models of the population are alike")
    down = math.ceil(len(names) / _ACROSS)
    with house_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(2.4 * _ACROSS, 1.7 * down + 0.4), layout="constrained")
        cells = np.atleast_1d(figure.subplots(down, _ACROSS)).ravel()
        for ax, name in zip(cells, names, strict=False):
            _draw(ax, name, table[name].dropna().to_numpy())
        for ax in cells[len(names) :]:
            ax.set_visible(False)
        figure.suptitle(title or f"{table['space'].iloc[0]}: {len(table):,} models", fontsize=10)
    return figure


def _draw(ax: Axes, name: str, values: np.ndarray) -> None:
    metric = name in ("flops", "params", "acts")
    shade = color(1) if metric else color(0)
    distinct, counts = np.unique(values, return_counts=True)
    if values.dtype.kind not in "if" or len(distinct) <= 8:
        ax.bar([f"{v:g}" if values.dtype.kind in "if" else str(v) for v in distinct], counts, color=shade)
        ax.set_xlabel(axis(name, np.zeros(1))[0] if values.dtype.kind in "if" else name.replace("_", " "))
    else:
        label, scaled = axis(name, values)
        ax.hist(scaled, bins=min(30, len(distinct)), color=shade)
        ax.axvline(float(np.median(scaled)), color=GREY, linewidth=1)
        ax.set_xlabel(label)
    ax.set_ylabel("models")

"""How many models a verdict takes: its chance against their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsx.analysis.power import PowerCurve
from dsx.plots.limits import plain_ticks
from dsx.plots.style import GREY, Axes, color, drawing, legend_above, series_label

_IN_WORDS = {"any": "at any look", "one": "at one look"}
_STYLES = {"any": "solid", "one": (0, (5, 2))}


def power(
    curves: Mapping[str, list[PowerCurve]], ax: Axes | None = None, aim: float | None = None, notes: Sequence[str] = ()
) -> Axes:
    """Chance of a verdict against the models of each space, a colour for each name (a difference).

    curves: of `power_curve`; those at one look are dashed, with the range that the pilots leave open shaded if it is
    the only name. aim: the chance that is wanted, as a line. notes: lines below, as on the pilots.
    """
    with drawing(ax, sum(map(len, curves.values())), notes) as ax:
        for index, (name, several) in enumerate(curves.items()):
            for curve in several:
                ax.plot(curve.n, curve.power, color=color(index), linestyle=_STYLES[curve.looks],
                        label=series_label(f"{name}, {_IN_WORDS[curve.looks]}"))  # fmt: skip
                if len(curves) == 1 and np.isfinite(curve.low).any():
                    ax.fill_between(curve.n, curve.low, curve.high, color=color(index), alpha=0.15, linewidth=0)
        if aim is not None:
            ax.axhline(aim, color=GREY, linewidth=0.8, label=series_label(f"{aim:g}, which is aimed at"))
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(plain_ticks())
        ax.set(xlabel="models of each space", ylabel="chance of a verdict", ylim=(0, 1.02))
        legend_above(ax, "shaded: what the pilots leave open" if len(curves) == 1 else None)
    return ax

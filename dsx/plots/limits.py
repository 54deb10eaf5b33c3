"""The ends of axes: errors without the far outliers, log axes, whole numbers at whole-numbered ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsx.base.units import short
from dsx.plots.style import Axes
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats

# distinct values up to which a column is drawn as strips, and ticks that fit beside each other in a panel
FEW, _TICKS = 16, 6
# of very many values so many tell that they are not few
_LOOKED_AT = 10_000


def error_limits(samples: Sequence[Floats], metric: Metric = ERROR) -> tuple[float, float, str]:
    """Low and high end of an error axis, and how many models lie beyond the high end, or an empty string.

    samples: (n_i,) errors of each study, percent. metric: in whose values those beyond are told. A few models far
    above the rest (diverged at chance error, as a rule) would squeeze it, so they are left beyond the end, and must be
    told of.
    """
    errors = np.sort(np.concatenate(samples))
    low, high = float(errors[0]), float(errors[-1])
    # far ones: few, and further above the 90th percentile than twice the rest's own range
    body = float(np.quantile(errors, 0.9, method="lower"))
    near = errors[errors <= body + 2 * (body - low)]
    beyond = ""
    if body > low and high > 2 * near[-1] - low:
        far = errors[near.size :]
        high = float(near[-1])
        ends = [short(metric.from_error(end)) for end in (far[0], far[-1])]
        span = "–".join(dict.fromkeys(ends) if far[0] == far[-1] else ends) + metric.unit_after
        beyond = f"{far.size} of {errors.size} models, at {span} {metric.words}."
    pad = max(0.04 * (high - low), 0.25 - (high - low) / 2, 0.01)  # at least half a point of error across
    return max(0.0, low - pad) if low >= 0 else low - pad, high + pad, beyond


def error_axis(ax: Axes, which: str, label: str, metric: Metric = ERROR) -> None:
    """Label an axis of errors, whose ticks tell the metric's own values: where more is better, they fall."""
    (ax.set_xlabel if which == "x" else ax.set_ylabel)(label)
    if metric.better == "higher":
        from matplotlib.ticker import FuncFormatter

        axis = ax.xaxis if which == "x" else ax.yaxis
        axis.set_major_formatter(FuncFormatter(lambda error, _: f"{metric.from_error(error):.6g}".replace("-", "−")))


def suit_axis(ax: Axes, values: Floats, which: str = "x", at_values: bool = True) -> bool:
    """The axis that suits these values, and whether it is logarithmic.

    Logarithmic where positive values span a factor of 20, of few whole numbers (1, 2, 4; 16, 24, 64) a factor of 4:
    then with base 2. Ticks stand at few values themselves, unless told otherwise; else at whole numbers for whole ones.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    if not values.size:
        return False
    scale = ax.xaxis if which == "x" else ax.yaxis
    low, high, few = float(values.min()), float(values.max()), few_values(values)
    whole = bool((values == np.round(values)).all())
    wide = low > 0 and (high >= 20 * low or (whole and few is not None and high >= 4 * low))
    if wide:
        # what is not above 0 is left out
        base = 2 if whole else 10
        (ax.set_xscale if which == "x" else ax.set_yscale)("log", base=base, nonpositive="mask")
        decades = np.log10(high / low)
        subs = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0, 3.0) if decades < 2.3 else (1.0,)
        scale.set_major_locator(LogLocator(base=base, subs=(1.0,) if whole else subs, numticks=8))
        scale.set_major_formatter(plain_ticks())
        scale.set_minor_locator(NullLocator())  # many ticks, which take long to draw
    elif whole and high - low < 40:
        scale.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if at_values and few is not None and (whole or few.size <= _TICKS):
        scale.set_ticks(_apart(_ticks(few, log=bool(wide)), log=bool(wide)))
        scale.set_major_formatter(plain_ticks())
    return bool(wide)


def few_values(values: Floats) -> Floats | None:
    """The distinct values, ascending, if there are few; None otherwise."""
    if values.size > _LOOKED_AT and np.unique(values[:_LOOKED_AT]).size > FEW:
        return None
    distinct = np.unique(values)
    return distinct if distinct.size <= FEW else None


def _ticks(values: Floats, log: bool) -> Floats:
    """All values if they are few; else on a log axis the powers of two among them, else every so-many-th."""
    if values.size <= _TICKS:
        return values
    powers = values[(values > 0) & (np.log2(np.maximum(values, 1e-300)) % 1 == 0)]
    if log and 3 <= powers.size <= _TICKS:
        return powers
    return values[:: -(-values.size // _TICKS)]


def _apart(values: Floats, log: bool) -> Floats:
    """Those of ascending values whose labels fit beside each other in a small panel; the first and the last stay."""
    place = np.log(values) if log else values
    place = (place - place[0]) / max(place[-1] - place[0], 1e-300)
    signs = [len(f"{value:g}") for value in values]
    kept, last = [0], values.size - 1
    for i in range(1, last):
        if all(abs(place[i] - place[k]) >= 0.035 + 0.018 * (signs[i] + signs[k]) for k in (kept[-1], last)):
            kept.append(i)
    return values[[*kept, last] if last else kept]


def plain_ticks() -> Any:
    """Ticks of a log axis as plain numbers: 0.5, 20, 1000."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:g}")

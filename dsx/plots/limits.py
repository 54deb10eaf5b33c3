"""The ends of axes: errors without the far outliers, log axes, whole numbers at whole-numbered ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.recipes.metric import ERROR, Metric
from dsx.results.samples import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        ends = [f"{metric.from_error(end):.3g}" for end in (far[0], far[-1])]
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


def suit_axis(ax: Axes, values: Floats, which: str = "x") -> bool:
    """A log axis where positive values span a factor of 20 or more (say whether); whole ticks for whole values."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    scale = ax.xaxis if which == "x" else ax.yaxis
    wide = bool(values.size and values.min() > 0 and values.max() >= 20 * values.min())
    if wide:
        # what is not above 0 is left out
        (ax.set_xscale if which == "x" else ax.set_yscale)("log", nonpositive="mask")
        decades = np.log10(values.max() / values.min())
        subs = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0, 3.0) if decades < 3 else (1.0,)
        scale.set_major_locator(LogLocator(subs=subs))
        scale.set_major_formatter(plain_ticks())
        scale.set_minor_locator(NullLocator())  # many ticks, which take long to draw
    elif values.size and (values == np.round(values)).all() and np.ptp(values) < 40:
        scale.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    return wide


def plain_ticks() -> Any:
    """Ticks of a log axis as plain numbers: 0.5, 20, 1000."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:g}")

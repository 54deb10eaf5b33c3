"""Constraints on complexity, parsed once: a window of a metric, or an inequality over metrics.

In YAML: `flops: 360M:400M`, or `limit: acts <= 6.5e6 * sqrt(flops / 1e9)` under a name of one's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsx.base.errors import unknown
from dsx.base.units import format_range, parse_range
from dsx.networks.cost import LATENCY, MEASURES, STAGE_METRICS
from dsx.spaces.expressions import Inequality


@dataclass(frozen=True)
class Window:
    """A range of one metric, both ends inclusive; of a metric of stages, for each of them."""

    metric: str
    low: float
    high: float
    text: str  # as it was written

    @classmethod
    def parse(cls, metric: str, text: str) -> Window:
        """`flops`, `360M:400M`. Raises DsxError if the text is no range, or an empty one."""
        return cls(metric, *parse_range(text.replace("ms", "").rstrip() if metric == LATENCY else text), text)

    @classmethod
    def between(cls, metric: str, low: float, high: float) -> Window:
        """The window with these ends."""
        text = format_range(low, high)
        return cls(metric, low, high, f"{text} ms" if metric == LATENCY else text)

    @property
    def open(self) -> bool:
        """Whether every network is inside."""
        return self.low <= 0 and math.isinf(self.high)

    def holds(self, metrics: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) bool: which networks are inside; metrics: name → (n,), or (n, stages) with NaN where one is absent."""
        values = metrics[self.metric]
        inside = ((values >= self.low) & (values <= self.high)) | np.isnan(values)
        return np.asarray(inside.all(axis=1) if inside.ndim == 2 else inside)

    @property
    def names(self) -> frozenset[str]:
        """What it speaks of, as of an inequality."""
        return frozenset([self.metric])


Constraint = Window | Inequality


def parse_constraints(texts: Mapping[str, object]) -> dict[str, Constraint]:
    """The constraints of a definition, by name. Raises ValueError that opens with the key of the first fault."""
    parsed: dict[str, Constraint] = {}
    for name, text in texts.items():
        if isinstance(text, Constraint):
            parsed[name] = text
            continue
        if not isinstance(text, str):
            raise ValueError(f"{name} = {text!r}: expected low:high in quotes, as in ':5M' (YAML reads 1:30 as 90)")
        try:
            parsed[name] = _parse(name, text)
        except ValueError as error:
            raise ValueError(f"constraints.{name}: {error}") from None
    return parsed


def _parse(name: str, text: str) -> Constraint:
    if name in MEASURES:
        return Window.parse(name, text)
    if ":" in text:
        raise ValueError(unknown("metric", name, MEASURES))
    inequality = Inequality.parse(text)
    inequality.check_names(MEASURES)
    # how many stages the networks have is not known here, but that they have fewer
    inequality.check_stages({name: (1, 1000) if name in STAGE_METRICS else (1,) for name in MEASURES})
    return inequality

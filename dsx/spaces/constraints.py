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
from dsx.networks.cost import METRICS
from dsx.spaces.expressions import Inequality


@dataclass(frozen=True)
class Window:
    """A range of one metric, both ends inclusive."""

    metric: str
    low: float
    high: float
    text: str  # as it was written

    @classmethod
    def parse(cls, metric: str, text: str) -> Window:
        """`flops`, `360M:400M`. Raises DsxError if the text is no range, or an empty one."""
        return cls(metric, *parse_range(text), text)

    @classmethod
    def between(cls, metric: str, low: float, high: float) -> Window:
        """The window with these ends."""
        return cls(metric, low, high, format_range(low, high))

    @property
    def open(self) -> bool:
        """Whether every network is inside."""
        return self.low <= 0 and math.isinf(self.high)

    def holds(self, metrics: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) bool: which networks are inside; metrics: name → (n,)."""
        values = metrics[self.metric]
        return np.asarray((values >= self.low) & (values <= self.high))


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
    if name in METRICS:
        return Window.parse(name, text)
    if ":" in text:
        raise ValueError(unknown("metric", name, METRICS))
    inequality = Inequality.parse(text)
    inequality.check_names(METRICS)
    return inequality

"""Ordering rules over stages, sampled directly: a forward–backward pass over the ordered chain.

Stages 1 … m draw independently from one table (values ascending, masses p). Conditioned on an
order, the first value has law ∝ p·G₁ and each next one, given the value before it, ∝ p·Gᵢ over
the values still allowed, where Gᵢ(v) is the probability that stages i+1 … m continue in order
after v. That is the exact conditional law: sorting independent draws would weight ties wrongly,
and rejection keeps only about 1 draw in m!.
"""

from __future__ import annotations

from math import comb
from typing import Literal

import numpy as np

from dsx.base.schema import Frozen

Order = Literal["non_decreasing", "increasing", "non_increasing", "decreasing", "equal"]
ORDERS: tuple[str, ...] = ("non_decreasing", "increasing", "non_increasing", "decreasing", "equal")
SYMBOLS = {"non_decreasing": "≤", "increasing": "<", "non_increasing": "≥", "decreasing": ">", "equal": "="}


class OrderRule(Frozen):
    """Values of one parameter in order of the stages; `except_last` leaves the last stage free."""

    order: Order
    except_last: bool = False

    def length(self, stages: int) -> int:
        """How many leading stages the rule binds."""
        return max(stages - self.except_last, 0)


def sample_ordered(masses: np.ndarray, order: str, u: np.ndarray) -> np.ndarray:
    """Indices (n, m) into the table of `masses` (k,), in order along the m stages.

    u: (n, m) uniforms in [0, 1). The order must be possible: `order_probability` > 0.
    """
    if order in ("non_increasing", "decreasing"):
        mirrored = "non_decreasing" if order == "non_increasing" else "increasing"
        return sample_ordered(masses, mirrored, u[:, ::-1])[:, ::-1]
    n, m = u.shape
    last = len(masses) - 1
    if order == "equal":
        power = np.cumsum(masses**m)
        index = np.searchsorted(power, u[:, 0] * power[-1], side="right")
        return np.repeat(np.minimum(index, last)[:, None], m, axis=1)
    strict = int(order == "increasing")
    indices = np.empty((n, m), dtype=np.int64)
    lowest = np.zeros(n, dtype=np.int64)
    for i, after in enumerate(_continuations(masses, m, strict)):
        cumulative = np.concatenate([[0.0], np.cumsum(masses * after)])
        start = cumulative[lowest]
        draw = start + u[:, i] * (cumulative[-1] - start)
        # floating point may step one value too low or past the last value of positive mass
        top = int(np.flatnonzero(masses * after)[-1])
        indices[:, i] = np.clip(np.searchsorted(cumulative[1:], draw, side="right"), lowest, top)
        lowest = indices[:, i] + strict
    return indices


def order_probability(masses: np.ndarray, order: str, length: int) -> float:
    """Probability that `length` independent draws come in that order."""
    if length <= 1:
        return 1.0
    if order == "equal":
        return float(np.sum(masses**length))
    if order in ("non_increasing", "decreasing"):
        masses = masses[::-1]
    strict = int(order in ("increasing", "decreasing"))
    return float(masses @ _continuations(masses, length, strict)[0])


def in_order(values: np.ndarray, order: str) -> np.ndarray:
    """(n,) bool: which of the (n, m) sequences are in that order."""
    compare = {
        "non_decreasing": np.less_equal, "increasing": np.less, "equal": np.equal,
        "non_increasing": np.greater_equal, "decreasing": np.greater,
    }[order]  # fmt: skip
    return np.asarray(compare(values[:, :-1], values[:, 1:]).all(axis=1))


def order_count(values: int, order: str, length: int) -> int:
    """Exact number of sequences of that length over `values` distinct values that are in that order."""
    if length == 0:
        return 1
    if order == "equal":
        return values
    if order in ("increasing", "decreasing"):
        return comb(values, length)
    return comb(values + length - 1, length)


def _continuations(masses: np.ndarray, length: int, strict: int) -> list[np.ndarray]:
    """G for each of the `length` stages: (k,) probability that the later stages continue in order."""
    after = [np.ones(len(masses))]
    for _ in range(length - 1):
        # the sum over values ≥ v (or > v) of p·G
        tail = np.cumsum((masses * after[0])[::-1])[::-1]
        after.insert(0, np.append(tail[strict:], np.zeros(strict)))
    return after

"""What a network costs, whatever counts it: flops, params and acts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dsx.networks.layers import Size


class Complexity(NamedTuple):
    """Integers, or (n,) int64 arrays with one entry per network."""

    flops: Size  # multiply-adds
    params: Size  # learned numbers
    acts: Size  # elements of all conv and classifier outputs

    def __add__(self, other: Complexity) -> Complexity:  # type: ignore[override]
        return Complexity(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, count: Size) -> Complexity:
        return Complexity(*(count * a for a in self))


def total(costs: Iterable[Complexity]) -> Complexity:
    """The sum of all."""
    return sum(costs, Complexity(0, 0, 0))


# the names by which constraints, populations and tables call them
METRICS: tuple[str, ...] = Complexity._fields
# the same of each stage
STAGE_METRICS = tuple(f"stage_{name}" for name in METRICS)


class Memory(NamedTuple):
    """Bytes of feature maps, of one network or of many: see `dsx.networks.memory`."""

    inference_memory: Size
    training_memory: Size


MEMORIES: tuple[str, ...] = Memory._fields
# what a window of a space may bound
LATENCY = "latency"  # milliseconds, by a model of a device
MEASURES = (*METRICS, *MEMORIES, *STAGE_METRICS, LATENCY)

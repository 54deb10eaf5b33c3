"""Settings of a space as they are drawn: chunk k of a seed is the same whatever else is drawn.

Uniforms come from the raw output of PCG64, whose stream numpy promises never to change, seeded
by (seed, chunk); every distribution is an inverse transform of them. Orders are sampled directly
(`dsx.spaces.orders`), everything else independently.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from dsx.spaces.definition import Space
from dsx.spaces.distributions import SameAs, inverse_transform
from dsx.spaces.orders import OrderRule, order_probability, sample_ordered

CHUNK = 1 << 15


class Draws:
    """Draws settings of one space, CHUNK at a time."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed
        self._places: dict[str, slice] = {}  # columns of a parameter's uniforms
        start = 0
        # sorted, so that the order of keys in a file does not matter; the number of stages comes first
        for name in sorted(space.parameters, key=lambda name: (name != "stages", name)):
            if not isinstance(space.parameters[name], SameAs):
                width = space.max_stages if space.parameters[name].per == "stage" else 1
                self._places[name] = slice(start, start + width)
                start += width
        self.width = start
        self._last: tuple[int, dict[str, np.ndarray]] = (-1, {})

    def some(self, start: int, count: int) -> dict[str, np.ndarray]:
        """`count` candidates from number `start` on, all of one chunk, as `chunk` gives them."""
        index, first = divmod(start, CHUNK)
        if self._last[0] != index:
            self._last = index, self.chunk(index)
        return {name: column[first : first + count] for name, column in self._last[1].items()}

    def chunk(self, index: int) -> dict[str, np.ndarray]:
        """Parameter → (CHUNK,) or (CHUNK, stages) values; stages beyond a setting's own hold the lowest value."""
        space, uniforms = self.space, self._uniforms(index)
        settings: dict[str, np.ndarray] = {}
        for name, place in self._places.items():
            u, parameter = uniforms[:, place], space.parameters[name]
            if name == "stages":
                settings["stages"] = parameter.values[inverse_transform(self._stage_masses(), u[:, 0])]
            elif parameter.per == "network":
                settings[name] = parameter.quantile(u[:, 0])
            else:
                settings[name] = parameter.values[self._by_stage(name, u, settings.get("stages"))]
        return space.with_shared(settings)

    def _uniforms(self, index: int) -> np.ndarray:
        """(CHUNK, columns) in [0, 1): 53 bits each; one stream per chunk."""
        raw = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(index,))).random_raw(CHUNK * self.width)
        return ((raw >> np.uint64(11)) * 2.0**-53).reshape(CHUNK, self.width)

    def _stage_masses(self) -> np.ndarray:
        """Law of the number of stages given the orders: its own law times the probability of each order."""
        parameters, orders = self.space.parameters, self.space.orders.items()

        def likely(stages: int) -> float:
            return math.prod(order_probability(parameters[n].masses, r.order, r.length(stages)) for n, r in orders)

        masses = parameters["stages"].masses * np.array([likely(int(m)) for m in parameters["stages"].values])
        return np.asarray(masses / masses.sum())

    def _by_stage(self, name: str, u: np.ndarray, stages: np.ndarray | None) -> np.ndarray:
        """(n, most stages) indices into the parameter's values, in order where a rule says so."""
        parameter, rule = self.space.parameters[name], self.space.orders.get(name)
        if rule is None:
            return parameter.index(u)
        if stages is None:
            return self._ordered(parameter.masses, rule, u)
        indices = np.zeros(u.shape, dtype=np.int64)
        for m in np.unique(stages):
            rows = np.flatnonzero(stages == m)
            indices[rows, :m] = self._ordered(parameter.masses, rule, u[rows, :m])
        return indices

    @staticmethod
    def _ordered(masses: np.ndarray, rule: OrderRule, u: np.ndarray) -> np.ndarray:
        bound = rule.length(u.shape[1])
        ordered = sample_ordered(masses, rule.order, u[:, :bound]) if bound else np.empty((len(u), 0), dtype=np.int64)
        return np.concatenate([ordered, inverse_transform(masses, u[:, bound:])], axis=1)


def setting_columns(space: Space, settings: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One column per number: `depth` (n, stages) becomes `depth_1`, `depth_2`, …; the order is the definition's.

    Where a network lacks a stage the value is NaN (only spaces whose number of stages varies have such columns).
    """
    columns: dict[str, np.ndarray] = {}
    for name in space.parameters:
        values = settings[name]
        if values.ndim == 1:
            columns[name] = values
            continue
        for i in range(values.shape[1]):
            column = values[:, i]
            # by the space, not by these rows: a column has one type whatever was drawn
            if i >= space.stage_counts.min():
                column = np.where(settings["stages"] <= i, np.nan, column)
            columns[f"{name}_{i + 1}"] = column
    return columns

"""Every setting of a small space, with its probability: what is left of a nearly used-up space.

Successive sampling without replacement is a race: give each setting an exponential clock whose rate
is its probability, and take the models in the order in which their first clock rings. Models that
candidates have already given are skipped; the race has no memory, so the law stays exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dsx.spaces.acceptance import AcceptedSetting, Taken, evaluate, take
from dsx.spaces.cardinality import cardinality
from dsx.spaces.definition import Space
from dsx.spaces.distributions import Parameter, SameAs
from dsx.spaces.orders import OrderRule, in_order
from dsx.spaces.tally import Tally

# the largest number of settings that are enumerated, and how many at a time
ENUMERABLE = 1 << 18
BUILT_ENUMERABLE = 1 << 13  # where each has to be built to be counted
CHUNK = 1 << 15
NONE = Taken({}, [], np.empty((0, 3), dtype=np.int64))


def enumerable(space: Space) -> bool:
    """Whether the space is so small that all its settings can be looked at."""
    settings = cardinality(space).settings
    if settings is None or settings > (BUILT_ENUMERABLE if space.counts_one_by_one else ENUMERABLE):
        return False
    # orders are kept by trying all sequences
    return all(
        len(p.values) ** space.max_stages <= ENUMERABLE
        for p in space.parameters.values()
        if not isinstance(p, SameAs) and p.per == "stage"
    )


def enumerate_settings(space: Space) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """All settings that keep the orders, CHUNK at a time: (parameter → array as `Draws.chunk` gives, (m,) masses).

    Masses are probabilities before rules and constraints, up to one common factor.
    """
    free = {n: p for n, p in sorted(space.parameters.items()) if n != "stages" and not isinstance(p, SameAs)}
    counts = space.parameters.get("stages")
    for k, stages in enumerate(space.stage_counts.tolist()):
        tables = {name: _table(p, space.orders.get(name), stages, space.max_stages) for name, p in free.items()}
        sizes = [len(masses) for _, masses in tables.values()]
        share = 1.0 if counts is None else float(counts.masses[k])
        for start in range(0, math.prod(sizes), CHUNK):
            flat = np.arange(start, min(start + CHUNK, math.prod(sizes)))
            picks = np.unravel_index(flat, sizes) if sizes else ()
            settings, masses = {}, np.full(len(flat), share)
            if counts is not None:
                settings["stages"] = np.full(len(flat), stages)
            for (name, (values, table_masses)), pick in zip(tables.items(), picks, strict=True):
                settings[name] = values[pick]
                masses = masses * table_masses[pick]
            yield space.with_shared(settings), masses


def remaining(space: Space, seed: int, tally: Tally, limit: int) -> Taken:
    """Up to `limit` models that the tally has not seen, by the race; the tally learns how many there are in all."""
    entered: list[tuple[float, int, AcceptedSetting]] = []
    chunks: list[dict[str, np.ndarray]] = []
    look = Tally(space.family)
    for k, (settings, masses) in enumerate(enumerate_settings(space)):
        chunks.append(settings)
        raw = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(0, k))).random_raw(len(masses))
        # (0, 1]: the logarithm is finite
        clocks = -np.log(((raw >> np.uint64(11)) + np.uint64(1)) * 2.0**-53) / masses
        entered += [(clocks[c.row], k, c) for c in evaluate(space, settings, look)]
    entered.sort(key=lambda entry: (entry[0], entry[1], entry[2].row))
    chosen, seen = [], set(tally.seen)
    for _, k, candidate in entered:
        if candidate.key not in seen:
            seen.add(candidate.key)
            chosen.append((k, candidate))
    tally.holds = len(seen)
    rows = [(k, candidate.row) for k, candidate in chosen[:limit]]
    # the chosen settings alone, as one chunk
    names = chunks[0] if chunks else {}
    settings = {name: np.array([chunks[k][name][row] for k, row in rows]) for name in names}
    return take(space, settings, [replace(c, row=i) for i, (_, c) in enumerate(chosen[:limit])]) if rows else NONE


def _table(parameter: Parameter, rule: OrderRule | None, stages: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """All values of a parameter ((k,), or (k, most) sequences in order over the stages) and their masses."""
    values, masses = parameter.values, parameter.masses
    if parameter.per == "network":
        return values, masses
    indices = np.array(list(itertools.product(range(len(values)), repeat=stages)), dtype=np.int64)
    if rule is not None:
        indices = indices[in_order(indices[:, : rule.length(stages)], rule.order)]
    # stages that a network lacks hold the lowest value
    padded = np.pad(indices, ((0, 0), (0, most - stages)))
    return values[padded], masses[indices].prod(axis=1)

"""The trial of one candidate: the models on both sides of it, and what a look at them says.

On the one side are fresh models of the narrower space, on the other fresh models of what it leaves out. Of one value
for all stages no error had a part in proposing it but the trend over the number of different values, which says nothing
of all models together; so all models known of the wider space stand on its side too. They are known because they did
well, so what this may do is to speak against the narrower space.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from dsx.analysis.step_test import Look, LookSchedule, look_at
from dsx.analysis.verdict import Margin
from dsx.base.errors import ShortfallError
from dsx.designing.models import Batch, fresh
from dsx.designing.refinement import Refinement, contained
from dsx.results.arrays import Floats, Table
from dsx.results.states import finished
from dsx.spaces.definition import Space

# parts of the error that is left: of a candidate, of one that is only hinted at, and of the last one
_PART, _HINTED_PART, _LAST_PART = 0.4, 0.2, 0.9


@dataclass(frozen=True, eq=False)
class Sides:
    """Models to be trained on both sides: of the narrower space, and of what it leaves out of the wider one."""

    inside: Batch
    outside: Batch
    known: Floats  # errors of models of the wider space that count without being trained

    def first(self, n: int) -> tuple[Batch, Batch]:
        """Those of a look at n models of each side."""
        return self.inside.first(n), self.outside.first(max(0, n - self.known.size))

    def enough(self, n: int) -> bool:
        """Whether there are n models on each side."""
        return min(len(self.inside.population), len(self.outside.population) + self.known.size) >= n

    def look(
        self,
        tables: tuple[Table, Table],
        looks: LookSchedule,
        at: int,
        error: float,
        margin: Margin | None,
    ) -> Look:
        """What the models of that look say. tables: results of those of both sides."""
        inside, outside = (_errors(table) for table in tables)
        return look_at(inside, np.concatenate([self.known, outside]), looks, at, error, margin)


def draw_sides(
    candidate: Refinement,
    spaces: tuple[Space, Space],
    n: int,
    batch: tuple[int, int],
    seen: Collection[str],
    known: Floats,
) -> Sides | None:
    """Fresh models of both sides, n of each less those known; None if there is no model on one side.

    spaces: the narrower and the wider one. batch: its number and seed. seen: ids of models that are not fresh.
    """
    (narrower, wider), (number, seed) = spaces, batch
    try:
        inside = fresh(narrower, n, seed, seen)
        keep = (lambda columns: ~contained(narrower, columns)) if candidate.exact else None
        outside = fresh(wider, max(0, n - known.size), seed + 1, {*seen, *inside.model_ids}, keep)
    except ShortfallError:
        return None
    return Sides(
        Batch(f"{number:02d}-{narrower.name}", narrower, inside, seed),
        Batch(f"{number:02d}-{wider.name}-rest", wider, outside, seed + 1, narrower.name if candidate.exact else ""),
        known,
    )


def known_errors(candidate: Refinement, pool: Table) -> Floats:
    """Errors of the models that count on the wider side as they are: all, if none had a part in proposing it."""
    return _errors(pool) if candidate.kind == "sharing" else np.empty(0)


def most_of_each(left: int, known: int) -> int:
    """Models of each side for which the budget suffices, where so many of the wider one are known."""
    return left if left <= known else (left + known) // 2


def part_of_error(candidate: Refinement, last: bool) -> float:
    """Of the error that is left, what the test of a candidate is allowed.

    last: whether no other test could follow it if it goes all its way, as those of simplifications mostly do.
    """
    if candidate.hinted:
        return _HINTED_PART
    return _LAST_PART if last and candidate.simpler else _PART


def in_proportion(inside: Table, outside: Table, share: float) -> list[Table]:
    """Models on both sides of a rule in the proportion that they have in the space, as many as there are.

    share: of the space's models that are inside; 0: those outside are the space's models themselves.
    """
    if share <= 0:
        return [outside]
    if share <= 0.5:
        return [inside.head(round(len(outside) * share / (1 - share))), outside]
    return [inside, outside.head(round(len(inside) * (1 - share) / share))]


def _errors(table: Table) -> Floats:
    return finished(table)["error"].to_numpy(np.float64) if len(table) else np.empty(0)

"""Outcomes that a parameter or the product of two accounts for: what tests of strength and their benchmark share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from error_laws import LAWS

from dsx.analysis.importance import Outcome, importance_table, outcome_scores
from dsx.analysis.r_squared import r_squared

Effect = Callable[[np.ndarray, np.ndarray], np.ndarray]
EFFECTS: dict[str, Effect] = {
    "line": lambda x, y: x,
    "bend": lambda x, y: 1.5 * x**2 - 0.5,
    "product": lambda x, y: 2 * x * y,
    "all three": lambda x, y: x + y + 2 * x * y,
}


class Planted:
    """Errors of a law plus an effect, `size` times the law's spread (its quartiles', as of a normal)."""

    def __init__(self, law: str, effect: str, size: float, outcome: Outcome = "error") -> None:
        self.law, self.effect, self.outcome = LAWS[law], EFFECTS[effect], outcome
        self.together = effect in ("product", "all three")
        spread = np.subtract(*np.quantile(self.law(np.random.default_rng(1), 100_000), [0.75, 0.25])) / 1.35
        self.size = size * float(spread)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = rng.uniform(-1, 1, (2, n))
        return x, y, self.size * self.effect(x, y) + self.law(rng, n)

    def truth(self) -> float:
        """Strength in so many models that chance plays no part."""
        x, y, errors = self.draw(np.random.default_rng(0), 400_000)
        scores = outcome_scores(errors, self.outcome)
        terms = [np.stack([v, 1.5 * v**2 - 0.5], axis=-1) for v in (x, y)]
        if not self.together:
            return float(r_squared(terms[0][None], scores)[0])
        both = np.concatenate(terms, axis=1)
        return float((r_squared(np.column_stack([both, x * y])[None], scores) - r_squared(both[None], scores))[0])

    def interval(self, rng: np.random.Generator, n: int) -> tuple[float, float]:
        x, y, errors = self.draw(rng, n)
        table = importance_table({"x": x, "y": y}, errors, lambda name, draws: rng.uniform(-1, 1, (draws, n)))
        row = table[(table["outcome"] == self.outcome) & (table["with"] == ("y" if self.together else ""))]
        row = row[row["parameter"] == "x"].iloc[0]
        return row["low"], row["high"]

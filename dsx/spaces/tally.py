"""Counts of what became of the candidates: how many passed every rule and constraint, and which models repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from dsx.networks.cost import METRICS

# metric values kept to say how wide a window would have to be
KEPT = 1 << 18
# candidates after which a space may count as used up
EXHAUSTIVE = 1 << 20


class Tally:
    """Counts over all candidates of one sampling.

    family: of the space, as rates name it. candidates: settings drawn. networks: those that are networks of the
    family. passed: rule or constraint → networks that keep it, whatever they do with the others. accepted: those
    that keep all. seen: distinct accepted models → how often each was drawn; once, twice: how many just so often.
    holds: exact number of models that keep all, if the space was enumerated.
    """

    def __init__(self, family: str) -> None:
        self.family = family
        self.candidates = 0
        self.networks = 0
        self.accepted = 0
        self.passed: Counter[str] = Counter()
        self.seen: dict[bytes, int] = {}
        self.once = self.twice = 0
        self.holds: int | None = None
        # per metric with a range: values of networks that keep everything else
        self.otherwise: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}

    def note(self, passes: Mapping[str, np.ndarray], metrics: Mapping[str, np.ndarray], accepted: int) -> None:
        """Count some networks: rule or constraint → (n,) bool, metric → (n,), and how many of them keep all."""
        self.networks += len(next(iter(passes.values())))
        self.accepted += accepted
        for name, holds in passes.items():
            self.passed[name] += int(holds.sum())
        for name in METRICS:
            if name in passes and sum(map(len, self.otherwise[name])) < KEPT:
                others = np.logical_and.reduce([holds for other, holds in passes.items() if other != name])
                self.otherwise[name].append(metrics[name][others])

    def repeat(self, key: bytes) -> bool:
        """Note one accepted model; whether it had been drawn before."""
        times = self.seen.get(key, 0)
        self.seen[key] = times + 1
        self.once += (times == 0) - (times == 1)
        self.twice += (times == 1) - (times == 2)
        return times > 0

    def exhausted(self) -> bool:
        """Whether the space very likely holds no further model: many candidates, and each model was drawn repeatedly.

        Good and Turing: what was never drawn is about as likely as what was drawn just once.
        """
        draws = sum(self.seen.values()) if self.candidates >= EXHAUSTIVE and self.once == self.twice == 0 else 0
        return draws >= 10 * max(len(self.seen), 10)

    @property
    def acceptance(self) -> float:
        """Share of candidates that keep every rule and constraint."""
        return self.accepted / max(self.candidates, 1)

    def rates(self) -> dict[str, float]:
        """Share of candidates that are networks, and share of networks that keep each rule and constraint alone."""
        family = {f"{self.family} networks": self.networks / max(self.candidates, 1)}
        return family | {name: count / max(self.networks, 1) for name, count in self.passed.items()}

    def binding(self) -> str:
        """The rule or constraint that the smallest share of candidates keeps."""
        rates = self.rates()
        return min(rates, key=lambda name: rates[name])

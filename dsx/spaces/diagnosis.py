"""What became of the candidates: acceptance of every rule and constraint, and why a sample fell short."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from dsx.base.units import format_number, format_range
from dsx.spaces.definition import Space
from dsx.spaces.population import METRICS

# metric values kept to say how wide a window would have to be
KEPT = 1 << 18
# candidates after which a space may count as used up
EXHAUSTIVE = 1 << 20


class Tally:
    """Counts over all candidates of one sampling.

    candidates: settings drawn. networks: those that are networks of the family. passed: rule or
    constraint → networks that keep it, whatever they do with the others. accepted: those that keep
    all. seen: distinct accepted models → how often each was drawn; once, twice: how many just so often.
    holds: exact number of models that keep all, if the space was enumerated.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.candidates = 0
        self.networks = 0
        self.accepted = 0
        self.passed: Counter[str] = Counter()
        self.seen: dict[bytes, int] = {}
        self.once = self.twice = 0
        self.holds: int | None = None
        # per metric with a range: values of networks that keep everything else
        self.otherwise: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}

    def count(self, name: str, holds: np.ndarray) -> None:
        self.passed[name] += int(holds.sum())

    def constrain(self, metrics: Mapping[str, np.ndarray], keep: np.ndarray) -> np.ndarray:
        """`keep` (n,) narrowed to networks inside every constraint, with all passes counted."""
        holds = {name: limit.holds(metrics) for name, limit in self.space.metric_limits().items()}
        for name, (low, high) in self.space.metric_ranges().items():
            holds[name] = (metrics[name] >= low) & (metrics[name] <= high)
        for name, passes in holds.items():
            self.count(name, passes)
        for name in self.space.metric_ranges():
            if sum(map(len, self.otherwise[name])) < KEPT:
                others = [passes for other, passes in holds.items() if other != name]
                rest = np.logical_and.reduce([keep, *others])
                self.otherwise[name].append(metrics[name][rest])
        accepted = np.logical_and.reduce([keep, *holds.values()])
        self.accepted += int(accepted.sum())
        return np.asarray(accepted)

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
        drawn = sum(self.seen.values()) if self.candidates >= EXHAUSTIVE and self.once == self.twice == 0 else 0
        return drawn >= 10 * max(len(self.seen), 10)

    @property
    def acceptance(self) -> float:
        """Share of candidates that keep every rule and constraint."""
        return self.accepted / max(self.candidates, 1)

    def rates(self) -> dict[str, float]:
        """Share of candidates that are networks, and share of networks that keep each rule and constraint alone."""
        family = {f"{self.space.family} networks": self.networks / max(self.candidates, 1)}
        return family | {name: count / max(self.networks, 1) for name, count in self.passed.items()}

    def binding(self) -> str:
        """The rule or constraint that the smallest share of candidates keeps."""
        rates = self.rates()
        return min(rates, key=lambda name: rates[name])

    def shortfall(self, n: int) -> str:
        """Why fewer than n models were found, in one line, and what would help."""
        found = len(self.seen)
        advice = f"ask for {found:,}, pass --allow-short, or widen the constraints"
        if self.holds is not None:
            advice = advice.replace(f"{found:,}", f"{self.holds:,}") if self.holds else "widen the constraints"
            return (
                f"{self.space.name}: {n:,} models asked for, and the space holds exactly {self.holds:,} distinct ones"
                f" under its rules and constraints; {advice}"
            )
        head = f"{self.space.name}: {found:,} of {n:,} distinct models found"
        if self.exhausted():
            return (
                f"{head}, and the space very likely holds no more under these constraints (each of them was drawn at"
                f" least three times in {self.accepted:,} draws); {advice}"
            )
        rate = f"{100 * self.acceptance:.2g} % of {self.candidates:,} candidates accepted"
        repeats = 1 - found / self.accepted if self.accepted else 0.0
        if repeats > 0.3:
            # Chao's lower bound from the models drawn once and twice
            total = found + self.once**2 / (2 * max(self.twice, 1))
            return (
                f"{head}, {rate}, {100 * repeats:.0f} % of those repeats: the space is nearly exhausted under these"
                f" constraints (it holds about {_outward(total, 1):,.0f}); {advice.replace(f'{found:,}', 'fewer')}"
            )
        binding = self.binding()
        share = 100 * self.rates()[binding]
        what = f"{binding} {self.space.constraints[binding]}" if binding in self.space.constraints else binding
        return (
            f"{head}, {rate}; {what} binds ({share:.2g} % pass it alone){self._remedy(binding, n)};"
            " or pass --allow-short"
        )

    def _remedy(self, name: str, n: int) -> str:
        """The window that would do, or an advice in words."""
        values = np.concatenate(self.otherwise[name]) if self.otherwise.get(name) else np.empty(0)
        if len(values) == 0:
            return f"; loosen {name}"
        low, high = self.space.metric_ranges()[name]
        floor = max(low, 1.0)
        with np.errstate(divide="ignore"):
            factor = np.maximum(np.maximum(floor / np.maximum(values, 1), values / high), 1.0)
        # twice the wanted number within PATIENCE-like effort: n per million candidates at the least
        wanted = max(1, min(len(values), round(2 * n * len(values) / max(self.candidates, 1_000_000))))
        widen = float(np.partition(factor, wanted - 1)[wanted - 1])
        if not np.isfinite(widen) or widen <= 1:
            return f"; loosen {name}"
        window = format_range(_outward(floor / widen, -1) if low > 0 else 0, _outward(high * widen, 1))
        smallest, largest = format_number(float(values.min())), format_number(float(values.max()))
        return f": the candidates' {name} run from {smallest} to {largest}; about {window} would do"


def _outward(value: float, direction: int) -> float:
    """Three significant digits, rounded down (−1) or up (+1)."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return (math.floor(value / unit) if direction < 0 else math.ceil(value / unit)) * unit

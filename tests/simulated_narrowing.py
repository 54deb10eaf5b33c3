"""Populations whose errors are made up, with a rule planted: what the tests of narrowing and its benchmark share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

import dsx
from dsx.analysis.randomisation import randomised
from dsx.analysis.scan import bin_edges, bins
from dsx.narrowing.proposal import narrow_forwards
from dsx.narrowing.quantities import quantities, quantity_table

# quantity's name → its values over all models of the pool
Effect = Callable[[Callable[[str], np.ndarray]], np.ndarray]
# at least this much lower mean error (in standard deviations) among models that keep a rule is a help
HELP = 0.1


@dataclass(frozen=True)
class Planted:
    """effect: in standard deviations of all errors. rules: (quantity, end) that are true. asked: parameters that are
    looked at; none: all."""

    title: str
    space: str
    effect: Effect | None
    rules: tuple[tuple[str, str], ...] = ()
    asked: tuple[str, ...] = ()


def outside(name: str, low: float = -np.inf, high: float = np.inf) -> Effect:
    """One standard deviation worse outside [low, high]."""
    return lambda of: 1.0 * ((of(name) < low) | (of(name) > high))


def below_median(name: str) -> Effect:
    """One standard deviation worse below the median."""
    return lambda of: 1.0 * (of(name) < np.median(of(name)))


NOTHING = Planted("nothing", "AnyNetXA", None)
TOTAL = Planted("total depth ≥ median", "AnyNetXA", below_median("total depth"), (("total depth", "low"),))
ORDER = Planted(
    "each step of width downwards", "AnyNetXA", lambda of: 3 * (1 - of("width steps up")), (("width steps up", "low"),)
)
SHARE = Planted(
    "share of flops of stage 3 ≥ median", "AnyNetXA", below_median("share of flops of stage 3"),
    (("share of flops of stage 3", "low"),),
)  # fmt: skip
PLANTED = (
    NOTHING,
    Planted("nothing", "RegNet", None),
    ORDER,
    TOTAL,
    SHARE,
    Planted("depth 12–20", "RegNet", outside("depth", 12, 20), (("depth", "low"), ("depth", "high"))),
    Planted("depth 12–20, asked about depth alone", "RegNet", outside("depth", 12, 20),
            (("depth", "low"), ("depth", "high")), ("depth",)),
    Planted("depth 12–20", "RegNetX", outside("depth", 12, 20), (("depth", "low"), ("depth", "high"))),
    Planted("wa ≤ median", "RegNet", lambda of: 1.0 * (of("wa") > np.median(of("wa"))), (("wa", "high"),)),
    Planted("width of stage 1 ≤ median", "AnyNetXA",
            lambda of: 1.0 * (of("width of stage 1") > np.median(of("width of stage 1")))),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """found: planted rules that were taken. false: whether any other rule was. useless: whether any of these is no
    help among the models that keep the rules before it."""

    found: tuple[tuple[str, str], ...]
    false: bool
    useless: bool


class Pool:
    """Many models of a space: one part for reference, one that studies are drawn from."""

    def __init__(self, name: str, n: int = 7000, reference: int = 4000) -> None:
        self.space = dsx.load_space(name)
        population = dsx.sample(self.space, n=n, seed=5)
        self.listed = quantities(self.space)
        self.values = quantity_table(self.space, population.settings, self.listed)
        self.table = population.table
        self.reference = reference

    def of(self, name: str) -> np.ndarray:
        return self.values[:, [q.name for q in self.listed].index(name)]

    def rows(self, n: int, seed: int) -> np.ndarray:
        """(n,) rows of the pool that a study has."""
        rows = np.random.default_rng([8, seed]).choice(len(self.table) - self.reference, n, replace=False)
        return self.reference + rows

    def study(self, effect: np.ndarray, n: int, seed: int, diverged: float = 0.03) -> pd.DataFrame:
        """Results of n models: the effect, noise that makes the standard deviation 1, some diverged at 90 %."""
        rng = np.random.default_rng([9, seed])
        rows = self.rows(n, seed)
        error = 5 + effect[rows] + np.sqrt(1 - effect.var()) * rng.normal(size=n)
        lost = rng.random(n) < diverged
        table = self.table.iloc[rows].reset_index(drop=True)
        return table.assign(
            state=np.where(lost, "diverged", "done"), error=np.where(lost, 90.0, error), run_id=table["model_id"]
        )

    def known(self, planted: Planted, n: int, seed: int) -> tuple[float, float]:
        """p-values of one who knows what was planted: of the whole effect, and the larger one of its two ends.

        One-sided, by the rank correlation of errors and effect; no one who has to find the effect can do better.
        """
        assert planted.effect is not None
        effect = planted.effect(self.of)
        table = self.study(effect, n, seed)
        rows = self.rows(n, seed)
        ranks, effect = table["error"].rank().to_numpy(), effect[rows]
        good, ends = effect == effect.min(), []
        for name, end in planted.rules:
            values = self.of(name)[rows]
            beyond = values < values[good].min() if end == "low" else values > values[good].max()
            ends.append(_pvalue(effect, ranks, good | beyond) if len(planted.rules) > 1 else 0.0)
        return _pvalue(effect, ranks, good | True), max(ends, default=0.0)

    def detected(self, planted: Planted, n: int, seed: int) -> float:
        """p-value that anything matters at all, for one who knows how much it does and how many models keep the rule.

        Of all tests of one level, the ratio of likelihoods (Neyman and Pearson), averaged over the cuts and windows of
        all quantities looked at that about as many models keep, tells most often on average over them. No rule can be
        told more often than that there is one, by whoever takes none of them for likelier than the others.
        """
        assert planted.effect is not None
        effect = planted.effect(self.of)
        errors, share = self.study(effect, n, seed)["error"].to_numpy(float), float(np.mean(effect == effect.min()))
        orders = randomised(norm.ppf((rankdata(errors) - 0.5) / n), 199, [10, seed])
        likelihoods = []
        for k, quantity in enumerate(self.listed):
            if quantity.ends and (not planted.asked or quantity.parameter in planted.asked):
                edges = bin_edges(self.values[: self.reference, k])
                codes = bins(self.values[self.rows(n, seed), k], edges)
                inside = _kept(codes, edges.size + 1, quantity.ends, (0.75 * share, 1.25 * share))
                if len(inside):
                    likelihoods.append(_likelihoods(inside, orders))
        mean = np.mean(likelihoods, axis=0)
        return float((mean >= mean[0]).mean())

    def narrowed(self, planted: Planted, n: int, seed: int) -> Outcome:
        effect = planted.effect(self.of) if planted.effect is not None else np.zeros(len(self.table))
        table, reference = self.study(effect, n, seed), self.values[: self.reference]
        steps = narrow_forwards(self.space, table, planted.asked, seed=seed, reference=reference)
        taken = [step.taken for step in steps if step.taken is not None and step.taken.kind != "sharing"]
        left, useless, false = np.ones(len(effect), dtype=bool), False, False
        for candidate in taken:
            values = self.of(candidate.quantity)
            keeps = values >= candidate.bound if candidate.end == "low" else values <= candidate.bound
            help_sd = effect[left & ~keeps].mean() - effect[left & keeps].mean()
            if (candidate.quantity, candidate.end) not in planted.rules:
                false, useless = True, useless or not help_sd >= HELP
            left &= keeps
        found = {(c.quantity, c.end) for c in taken} & set(planted.rules)
        return Outcome(tuple(sorted(found)), false, useless)


def _kept(codes: np.ndarray, count: int, ends: Sequence[str], shares: tuple[float, float]) -> np.ndarray:
    """(rules, n) bool: the models that keep a rule, of all cuts and windows that such a share of them keeps."""
    rules = [
        (first, last) for first in range(count) for last in range(first, count)
        if (first == 0 or "low" in ends) and (last == count - 1 or "high" in ends)
    ]  # fmt: skip
    kept = np.array([(codes >= first) & (codes <= last) for first, last in rules])
    share = kept.mean(axis=1)
    return kept[(share >= shares[0]) & (share <= shares[1]) & (share < 1)]


def _likelihoods(keeps: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(orders,) likelihoods against nothing, averaged over the rules: normal scores, lower
    where it is kept."""
    n, share = keeps.shape[1], keeps.mean(axis=1)
    spread = np.sqrt(n * share * (1 - share))
    z = -(orders / orders[0].std(ddof=1)) @ (keeps - share[:, None]).T / spread
    # the whole has the standard deviation 1, so what is left beside the effect has less
    effect = spread / np.sqrt(1 - share * (1 - share))
    return np.exp(effect * z - effect**2 / 2).mean(axis=1)


def _pvalue(effect: np.ndarray, ranks: np.ndarray, among: np.ndarray) -> float:
    """One-sided, that errors rise with the effect."""
    if np.ptp(effect[among]) == 0:
        return 1.0
    r = np.corrcoef(effect[among], ranks[among])[0, 1]
    return float(norm.sf(r * np.sqrt(among.sum() - 1)))


def rates(outcomes: Sequence[Outcome], planted: Planted) -> dict[str, float]:
    """Shares of analyses: any planted rule found, all found, any other rule, any useless one."""
    return {
        "any": float(np.mean([bool(o.found) for o in outcomes])),
        "all": float(np.mean([len(o.found) == len(planted.rules) for o in outcomes])),
        "other": float(np.mean([o.false for o in outcomes])),
        "useless": float(np.mean([o.useless for o in outcomes])),
    }

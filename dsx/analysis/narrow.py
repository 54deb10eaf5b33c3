"""Which ends of which quantities hold worse models, so surely that a space may be narrowed there.

Two hurdles. First: with errors in random order, an end as telling as this one, among all that are looked at, turns up
in at most 1 − level of analyses. Second: no other quantity explains it. Given each of the others in turn, the
quantity is drawn anew from the space's own law, and the end must stand out still. One parameter given *all* others is
not asked for: inside a narrow window of complexity the others leave it no freedom (depth in RegNet), and nothing
would ever be found. Each side is judged by what stands against it best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsx.analysis.randomisation import corrected, matched_rows, randomised, rank_scores, without
from dsx.analysis.scan import Cut, End, Integers, best_cut, bin_edges, bin_sums, bins, scan
from dsx.results.samples import Floats

# random orders of the errors, and draws given another quantity
REPEATS, DRAWS = 999, 199
# quantities whose ranks agree so closely are one quantity
ALIKE = 0.98
# chance that a quantity which another one explains passes for itself
RIVAL_LEVEL = 0.05
# the same where that other one could not be cut by a rule, so that nothing is taken in its place
BEATEN_LEVEL = 0.01
# quantities whose ranks agree at least so far are tied: where the clearer one is not to be told from others, the less
# clear one is not taken in its place
TIED = 0.3
# a statistic where no cut leaves models on both sides
_NONE = -10.0


@dataclass(frozen=True)
class Side:
    """One end of a quantity. column: of the values. limited: whether a limit at the other end may be chosen.

    favoured: the other end of its quantity was cut before. Favoured sides share half of the error that is allowed, all
    others the other half.
    """

    column: int
    end: End
    limited: bool = True
    favoured: bool = False


@dataclass(frozen=True)
class Judgement:
    """What the models say of a side.

    kept: (n,) bool, models on the good side of the cut; judged: (n,) bool, those within the limit.
    pvalue: corrected for all looks. rival: column of the quantity that explains the side best, −1 if none was tried;
    rival_pvalue: of the side given that one; distance: by how many standard errors it stands out then. explained:
    whether that quantity, or one that it was held against, explains it away.
    """

    side: Side
    z: float
    kept: np.ndarray
    judged: np.ndarray
    pvalue: float
    rival: int = -1
    rival_pvalue: float = float("nan")
    distance: float = -np.inf
    explained: bool = False

    def supported(self, level: float) -> bool:
        return self.pvalue <= 1 - level and not self.explained


def judge(
    values: Floats, errors: Floats, reference: Floats, sides: Sequence[Side], level: float = 0.95, seed: int = 0
) -> list[Judgement]:
    """Every side that has a cut, in the order given. Deterministic.

    values: (n, quantities) of the models; errors: (n,) percent; reference: (m, quantities) of other models of the same
    law. All quantities may explain a side, those without one too.
    """
    scores = rank_scores(errors)
    edges = [bin_edges(column) for column in reference.T]
    codes = [bins(column, edge) for column, edge in zip(values.T, edges, strict=True)]
    least = fewest(len(errors))
    orders = randomised(scores, REPEATS, [seed, 0])
    looks: list[tuple[Side, Cut]] = []
    statistics: list[Floats] = []
    for side in sides:
        models, sums = _all_sums(codes[side.column], orders, edges[side.column].size + 1)
        cut = best_cut(models[0], sums[0], side.end, least, side.limited)
        if np.isfinite(cut.z):
            looks.append((side, cut))
            statistics.append(scan(models, sums, side.end, least, side.limited))
    pvalues = _pvalues([side for side, _ in looks], statistics)
    rivals = _Rivals(values, scores, reference, (edges, codes), sides, least, seed)
    judged = []
    for (side, cut), pvalue in zip(looks, pvalues, strict=True):
        plain = _judgement(side, cut, codes[side.column], pvalue)
        judged.append(rivals.strongest(plain) if pvalue <= 1 - level else plain)
    return [_behind(judgement, judged, rivals.agreement, level) for judgement in judged]


def _behind(judgement: Judgement, judged: Sequence[Judgement], agreement: Floats, level: float) -> Judgement:
    """Explained, if a clearer side that is tied to it passed the first hurdle and not the second."""
    column = judgement.side.column
    for other in judged:
        clearer = other.z > judgement.z and other.pvalue <= 1 - level and other.explained
        if clearer and other.side.column != column and abs(agreement[column, other.side.column]) >= TIED:
            return replace(judgement, explained=True)
    return judgement


def fewest(n: int) -> int:
    """Models that a cut leaves on either side at the least, of n."""
    return max(4, n // 20)


def _pvalues(sides: Sequence[Side], statistics: Sequence[Floats]) -> list[float]:
    """Corrected within the favoured sides and within the others, each family at half of the level if there are both."""
    families = [[k for k, side in enumerate(sides) if side.favoured == favoured] for favoured in (True, False)]
    share = 2.0 if all(families) else 1.0
    pvalues = np.ones(len(sides))
    for family in filter(None, families):
        pvalues[family] = np.minimum(1.0, share * corrected(np.stack([statistics[k] for k in family], axis=1)))
    return pvalues.tolist()


def _judgement(side: Side, cut: Cut, codes: Integers, pvalue: float) -> Judgement:
    judged = codes <= cut.last if side.end == "low" else codes >= cut.first
    kept = codes >= cut.first if side.end == "low" else codes <= cut.last
    return Judgement(side, cut.z, kept & (codes >= 0), judged & (codes >= 0), pvalue)


def _all_sums(codes: Integers, orders: Floats, count: int) -> tuple[Floats, Floats]:
    """Models by bin (1, bins) and their scores in every order (repeats, bins)."""
    inside = (codes[:, None] == np.arange(count)).astype(float)
    return inside.sum(axis=0)[None], orders @ inside


class _Rivals:
    """Draws a quantity anew given each of the others."""

    def __init__(
        self,
        values: Floats,
        scores: Floats,
        reference: Floats,
        binned: tuple[list[Floats], list[Integers]],
        sides: Sequence[Side],
        least: int,
        seed: int,
    ) -> None:
        self.values, self.scores, self.reference = values, scores, reference
        self.edges, self.codes = binned
        self.least, self.seed = least, seed
        self.sides = {(side.column, side.end) for side in sides}
        self.agreement = rank_agreement(reference)

    def strongest(self, judgement: Judgement) -> Judgement:
        """The judgement with the rival that explains it best, and whether any explains it away.

        A quantity that could be cut itself does so unless the side stands out given it. One that no rule would cut
        does so only if it stands out given the side's, and not the other way round; so does any where the side is
        favoured, as its quantity was held against all others before.
        """
        side = judgement.side
        for rival in range(self.values.shape[1]):
            agreement = self.agreement[side.column, rival]
            if abs(agreement) >= ALIKE or not self.edges[rival].size:
                continue
            pvalue, distance = self._given(side, rival)
            if distance < judgement.distance or judgement.rival < 0:
                judgement = replace(judgement, rival=rival, rival_pvalue=pvalue, distance=distance)
            if pvalue > RIVAL_LEVEL:
                other = Side(rival, side.end if agreement > 0 else _OTHER[side.end])
                strict = (rival, other.end) in self.sides and not side.favoured
                if strict or self._given(other, side.column)[0] <= BEATEN_LEVEL:
                    return replace(judgement, rival=rival, rival_pvalue=pvalue, explained=True)
        return judgement

    def _given(self, side: Side, rival: int) -> tuple[float, float]:
        """p-value of the side given the rival, and its distance from the draws in their standard deviations."""
        edges, observed = self.edges[side.column], self.codes[side.column]
        seed = [self.seed, 1, rival]
        rows = matched_rows(self.values[:, rival], self.reference[:, rival], DRAWS, seed)
        resampled = np.where(rows < 0, observed, bins(self.reference[:, side.column], edges)[rows])
        scores = without(self.scores, self.values[:, rival])
        models, sums = bin_sums(np.concatenate([observed[None], resampled]), scores, edges.size + 1)
        z = np.maximum(scan(models, sums, side.end, self.least, side.limited), _NONE)
        spread = float(z[1:].std(ddof=1))
        distance = float((z[0] - z[1:].mean()) / spread) if spread > 0 else 0.0
        return float((z >= z[0]).mean()), distance


_OTHER: dict[End, End] = {"low": "high", "high": "low"}


def rank_agreement(reference: Floats) -> Floats:
    """(quantities, quantities) rank correlations; NaN values count as the lowest; 0 where a quantity is constant."""
    from scipy.stats import rankdata

    ranks = np.apply_along_axis(rankdata, 0, np.where(np.isnan(reference), -np.inf, reference))
    ranks = ranks - ranks.mean(axis=0)
    spread = np.sqrt((ranks**2).sum(axis=0))
    spread[spread == 0] = np.inf
    return ranks.T @ ranks / spread[:, None] / spread

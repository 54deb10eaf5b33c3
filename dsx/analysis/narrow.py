"""Which ends of which quantities hold worse models, so surely that a space may be narrowed there.

Two hurdles. First: with errors in random order, an end as telling as this one, among all that are looked at, turns up
in at most 1 − level of analyses. A quantity of which either end might be cut is looked at once, by the window that
tells most; each of its ends must then stand out by itself, with half of the level. Second: no other quantity explains
it. Given each of the others in turn, the quantity is drawn anew from the space's own law, and it must stand out still.
One parameter given *all* others is not asked for: inside a narrow window of complexity the others leave it no freedom
(depth in RegNet), and nothing would ever be found. Each side is judged by what stands against it best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dsx.analysis.randomisation import corrected, matched_rows, randomised, rank_scores, without
from dsx.analysis.scan import Cut, End, Integers, best_cut, bin_edges, bin_sums, bins, scan, window_scan
from dsx.results.arrays import Floats

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
class Explained:
    """How a quantity stands given the one that explains it best: `rival`, its column, −1 if none was tried.

    rival_pvalue: of the quantity given that one; distance: by how many standard errors it stands out then. explained:
    whether that quantity, or one that it was held against, explains it away.
    """

    rival: int = -1
    rival_pvalue: float = float("nan")
    distance: float = -np.inf
    explained: bool = False


@dataclass(frozen=True, kw_only=True)
class Judgement(Explained):
    """What the models say of a side.

    z: of its quantity, by the window if both ends were looked at.
    kept: (n,) bool, models on the good side of the cut; judged: (n,) bool, those within the limit.
    pvalue: corrected for all looks.
    """

    side: Side
    z: float
    kept: np.ndarray
    judged: np.ndarray
    pvalue: float

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
    looks: list[_Look] = []
    for column, ends in _by_quantity(sides):
        models, sums = _all_sums(codes[column], orders, edges[column].size + 1)
        cuts = {side: best_cut(models[0], sums[0], side.end, least, side.limited) for side in ends}
        cuts = {side: cut for side, cut in cuts.items() if np.isfinite(cut.z)}
        if cuts:
            looks.append(_Look(column, cuts, *_statistics(models, sums, ends, list(cuts), least)))
    pvalues = _pvalues(looks)
    rivals = _Rivals(values, scores, reference, (edges, codes), sides, least, seed)
    judged = []
    for look, pvalue in zip(looks, pvalues, strict=True):
        standing = [
            side for side, end in zip(look.cuts, look.end_pvalues, strict=True) if max(pvalue, end) <= 1 - level
        ]
        explained = rivals.strongest(look, standing) if standing else Explained()
        judged += [
            _judgement(side, cut, codes[look.column], (float(look.statistic[0]), max(pvalue, end)), explained)
            for (side, cut), end in zip(look.cuts.items(), look.end_pvalues, strict=True)
        ]
    judged.sort(key=lambda judgement: sides.index(judgement.side))
    return [_behind(judgement, judged, rivals.agreement, level) for judgement in judged]


@dataclass(frozen=True)
class _Look:
    """A quantity looked at once."""

    column: int
    cuts: dict[Side, Cut]  # of its ends
    statistic: Floats  # (repeats + 1,), observed first
    end_pvalues: tuple[float, ...]  # of each end by itself, 0 where only one is looked at

    @property
    def favoured(self) -> bool:
        return next(iter(self.cuts)).favoured


def _by_quantity(sides: Sequence[Side]) -> list[tuple[int, list[Side]]]:
    columns = dict.fromkeys(side.column for side in sides)
    return [(column, [side for side in sides if side.column == column]) for column in columns]


def _statistics(
    models: Floats, sums: Floats, ends: Sequence[Side], cut: Sequence[Side], least: int
) -> tuple[Floats, tuple[float, ...]]:
    """Of a look: its statistic, and the p-values of those of its ends that have a cut, each corrected for both."""
    if len(ends) == 1:
        return scan(models, sums, ends[0].end, least, ends[0].limited), (0.0,)
    singles = [scan(models, sums, side.end, least, side.limited) for side in cut]
    pvalues = tuple(min(1.0, len(ends) * float((z >= z[0]).mean())) for z in singles)
    return window_scan(models, sums, least), pvalues


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


def _pvalues(looks: Sequence[_Look]) -> list[float]:
    """Corrected within the favoured ones and within the others, each family at half of the level if there are both."""
    families = [[k for k, look in enumerate(looks) if look.favoured == favoured] for favoured in (True, False)]
    share = 2.0 if all(families) else 1.0
    pvalues = np.ones(len(looks))
    for family in filter(None, families):
        largest = np.stack([looks[k].statistic for k in family], axis=1)
        pvalues[family] = np.minimum(1.0, share * corrected(largest))
    return pvalues.tolist()


def _judgement(side: Side, cut: Cut, codes: Integers, tested: tuple[float, float], explained: Explained) -> Judgement:
    """tested: z of the look and the p-value of the side."""
    judged = codes <= cut.last if side.end == "low" else codes >= cut.first
    kept = codes >= cut.first if side.end == "low" else codes <= cut.last
    here = codes >= 0
    z, pvalue = tested
    return Judgement(side=side, z=z, kept=kept & here, judged=judged & here, pvalue=pvalue, **vars(explained))


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

    def strongest(self, look: _Look, standing: Sequence[Side]) -> Explained:
        """The rival that explains a quantity best, and whether any explains it away.

        A quantity that could be cut itself does so unless this one stands out given it. One that no rule would cut
        does so only if it stands out given this one, and not the other way round; so does any where this one is
        favoured, as it was held against all others before.
        """
        best = Explained()
        for rival in range(self.values.shape[1]):
            agreement = self.agreement[look.column, rival]
            if abs(agreement) >= ALIKE or not self.edges[rival].size:
                continue
            pvalue, distance = self._given(standing, rival)
            if distance < best.distance or best.rival < 0:
                best = Explained(rival, pvalue, distance)
            if pvalue > RIVAL_LEVEL:
                others = [Side(rival, s.end if agreement > 0 else _OTHER[s.end]) for s in standing]
                strict = any((rival, o.end) in self.sides for o in others) and not look.favoured
                if strict or self._given(others, look.column)[0] <= BEATEN_LEVEL:
                    return replace(best, rival=rival, rival_pvalue=pvalue, explained=True)
        return best

    def _given(self, ends: Sequence[Side], rival: int) -> tuple[float, float]:
        """p-value of a quantity, by these ends, given the rival; distance from the draws in standard deviations."""
        column = ends[0].column
        edges, observed = self.edges[column], self.codes[column]
        rows = matched_rows(self.values[:, rival], self.reference[:, rival], DRAWS, [self.seed, 1, rival])
        resampled = np.where(rows < 0, observed, bins(self.reference[:, column], edges)[rows])
        scores = without(self.scores, self.values[:, rival])
        models, sums = bin_sums(np.concatenate([observed[None], resampled]), scores, edges.size + 1)
        if len(ends) == 2:
            z = window_scan(models, sums, self.least)
        else:
            z = scan(models, sums, ends[0].end, self.least, ends[0].limited)
        z = np.maximum(z, _NONE)
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

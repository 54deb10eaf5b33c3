"""Tests by betting: wealth that grows only if a hypothesis is false, so one may look, and stop, at any time.

A bettor starts with 1 and stakes a share λ of the wealth on each pair of models, in order. If the
hypothesis holds no strategy is expected to gain, so the chance that the wealth ever reaches 1/α is at most α
(Ville 1939). 1/(highest wealth so far) is therefore a p-value at every look. The wealths here are
averages over fixed shares λ, which needs no guess of the difference (Waudby-Smith and Ramdas 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsx.analysis.superiority import midcounts
from dsx.results.arrays import Floats

# shares of the wealth staked, and how the first unit is split over them: chosen by simulation for spaces that differ
# with probability of superiority 0.57–0.9; the small shares are for populations of thousands
STAKES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SPLIT = (0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
# how much larger the past is when ranks are taken from it anew; up to _EACH pairs it is after each
_GROWTH = 1.25
_EACH = 16
# pairs from which the charge is known well enough
_CHARGED = 5_000


@dataclass(frozen=True, eq=False)
class RankBets:
    """What is bet on, pair by pair."""

    shares: Floats  # (n,) in (−1, 1), above 0 where a's model ranks lower
    charges: Floats  # (n,) ≥ 0. A stake λ is charged λ² · charge, whether it wins or loses

    def mirrored(self) -> RankBets:
        """The same bets with a and b exchanged."""
        return RankBets(-self.shares, self.charges)


def rank_bets(a: Floats, b: Floats) -> RankBets:
    """By how much the i-th model of b ranks above the i-th of a, as a share of the models before them.

    a, b: (n,) errors in the populations' order. Ranks are counted among the pair and earlier models of both
    (all earlier ones up to 16, at least four fifths of them above), ties half. Where both populations are
    equal, a share is as likely as its negative, whatever came before: exchanging the pair changes its sign. Its mean
    tends to θ − ½, θ the probability of superiority, and its variance to that of the rank test, where a
    mere win or loss of pairs would take half as many models again. Where θ is ½ but the shapes differ, models
    count once more, as the past that later ones are ranked in; the charge pays for the variance this adds.
    """
    n = a.size
    shares, charges = np.empty(n), np.zeros(n)
    shares[:_EACH] = _first_shares(a[:_EACH], b[:_EACH])
    begin, charge = min(n, _EACH // 2), 0.0
    while begin < n:
        end = min(n, int(begin * _GROWTH) if begin >= _EACH else begin + 1)
        if begin >= _EACH:
            past, new_a, new_b = np.sort(np.concatenate([a[:begin], b[:begin]])), a[begin:end], b[begin:end]
            below = midcounts(past, np.concatenate([new_b, new_a]))
            shares[begin:end] = (below[: end - begin] - below[end - begin :] + np.sign(new_b - new_a)) / (2 * begin + 2)
        if begin <= _CHARGED:
            charge = _charge(a[:begin], b[:begin])
        charges[begin:end] = charge
        begin = end
    return RankBets(shares, charges)


def _first_shares(a: Floats, b: Floats) -> Floats:
    """The shares of few pairs, each among all before it."""
    past = np.arange(a.size)[:, None] > np.arange(a.size)
    ahead = sum(np.sign(b[:, None] - model) - np.sign(a[:, None] - model) for model in (a, b))
    return ((ahead * past).sum(axis=1) / 2 + np.sign(b - a)) / (2 * np.arange(a.size) + 2)


def _charge(a: Floats, b: Floats) -> float:
    """Half the variance that a pair adds by being the past of later ones, estimated from n pairs.

    Ranked among n pairs, later pairs sway by D = ½ Σ over a and b of (F_a − F_b), whose sum over the past is
    weighted by log(t/s): its mean square is 2. So variance grows by 2 var(D) + 2 cov(D, share).
    """
    n, both = a.size, np.concatenate([a, b])
    in_a, in_b = midcounts(np.sort(a), both), midcounts(np.sort(b), both)
    apart, counted = in_a - in_b, in_a + in_b
    sway = (apart[:n] + apart[n:]) / (2 * n)
    share = (counted[n:] - counted[:n]) / (2 * n)
    sway, share = sway - sway.sum() / n, share - share.sum() / n
    return max(0.0, float((sway * sway).sum() / n + (sway * share).sum() / n))


def log_wealth(bets: RankBets) -> Floats:
    """Log of the wealth after each bet that the shares lie above 0: (n,)."""
    wealth = np.full(bets.shares.size, -np.inf)
    for stake, split in zip(STAKES, SPLIT, strict=True):
        grown = np.cumsum(np.log1p(stake * bets.shares) - stake**2 * bets.charges)
        wealth = np.logaddexp(wealth, grown + math.log(split))
    return wealth


def log_wealth_of_counts(wins: Floats, ties: Floats, losses: Floats, mean: float) -> Floats:
    """Log of the wealth after bets that wins, worth 1, ties, ½, and losses, 0, have a mean above `mean`: (n,).

    wins, ties, losses: (n,) counts so far. 0 ≤ mean ≤ 1. The stakes are shares of what could be lost.
    """
    if mean <= 0:
        return np.zeros_like(np.asarray(wins, dtype=np.float64))
    wealth = np.full(np.shape(wins), -np.inf)
    for stake, split in zip(STAKES, SPLIT, strict=True):
        bet = stake / mean
        grown = (
            wins * math.log1p(bet * (1 - mean)) + ties * math.log1p(bet * (0.5 - mean)) + losses * math.log1p(-stake)
        )
        wealth = np.logaddexp(wealth, grown + math.log(split))
    return wealth


def superiority_sequence(a: Floats, b: Floats, level: float) -> tuple[float, float]:
    """Interval of the probability of superiority of a over b from n pairs in order, valid at any look: (low, high).

    a, b: (n,) errors. The values that a bettor on the pairs' wins could not be made rich by at 2/(1 − level);
    it supposes nothing about the distributions. n ≥ 0.
    """
    wins, ties, losses = (float(np.sum(c)) for c in (a < b, a == b, a > b))
    return 1 - _upper(losses, ties, wins, level), _upper(wins, ties, losses, level)


def _upper(wins: float, ties: float, losses: float, level: float) -> float:
    """The largest mean that bets against it do not reject."""
    from scipy.optimize import brentq

    bar = math.log(2 / (1 - level))

    def excess(mean: float) -> float:
        counts = (np.array([losses]), np.array([ties]), np.array([wins]))
        return float(log_wealth_of_counts(*counts, 1 - mean)[0]) - bar

    pairs = wins + ties + losses
    if pairs == 0 or excess(1 - 1e-9) <= 0:
        return 1.0
    centre = (wins + ties / 2) / pairs
    return float(brentq(excess, min(centre, 1 - 2e-9), 1 - 1e-9, xtol=1e-6))

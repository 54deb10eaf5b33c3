"""Whether one population is better at every error level: the difference of two EDFs, and stochastic dominance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsx.analysis.kolmogorov import ks_test
from dsx.analysis.verdict import step_down
from dsx.base.record import Record
from dsx.results.arrays import Floats, check_count, check_level
from dsx.results.samples import Errors, as_sample

# points at which the band of the difference is worked out; between them the curves move by under 1/400
_GRID = 400


@dataclass(frozen=True, eq=False)
class EdfDifference:
    """F_a − F_b just above each error of either population, with a simultaneous band.

    error: (m,) ascending distinct, percent. difference, lower, upper: (m,) in [−1, 1]; above 0 where more
    models of a lie at or below that error. half_width: of the band. level: of the band.
    """

    error: Floats
    difference: Floats
    lower: Floats
    upper: Floats
    half_width: float
    level: float


def edf_difference(
    errors_a: Errors, errors_b: Errors, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> EdfDifference:
    """F_a(e) − F_b(e) at all errors, with a band that holds the whole true difference at once.

    errors: (n,) percent each. Half-width: the `level` quantile of the largest distance between a
    resampled difference and the observed one, over bootstrap resamples of both populations; it
    supposes nothing about the two being alike.
    """
    a, b = np.sort(as_sample(errors_a, "a")), np.sort(as_sample(errors_b, "b"))
    check_level(level)
    error = np.unique(np.concatenate([a, b]))
    difference = _at_or_below(a, error) - _at_or_below(b, error)
    check_count(resamples, "resamples")
    half = _half_width(a, b, error, level, resamples, seed)
    return EdfDifference(
        error, difference, np.clip(difference - half, -1, 1), np.clip(difference + half, -1, 1), half, level
    )


@dataclass(frozen=True, eq=False)
class Dominance(Record):
    """What `dominance` finds; a mapping too. Each p-value is against "the other is at least as good everywhere"; they
    are each on its own, and the verdict holds with both corrected.
    """

    a_ahead: float  # max(F_a − F_b)
    a_ahead_pvalue: float
    b_ahead: float  # max(F_b − F_a)
    b_ahead_pvalue: float
    verdict: Literal["a", "b", "neither", "unclear"]  # neither: each is ahead somewhere


def dominance(errors_a: Errors, errors_b: Errors, level: float = 0.95) -> Dominance:
    """First-order stochastic dominance: does F_a ≥ F_b hold at every error, so that a is better at all levels?

    By the one-sided Kolmogorov–Smirnov test (McFadden 1989; `ks_test`), of this one pair.
    The verdict `a` says that a is shown to be ahead somewhere, and that b is not (Holm, over the two); a test can
    contradict dominance but never prove it. Of an analysis of several studies: `dominance_table`.
    """
    a, b = as_sample(errors_a, "a"), as_sample(errors_b, "b")
    alpha = 1 - check_level(level)
    a_ahead, a_pvalue = ks_test(a, b, "greater")
    b_ahead, b_pvalue = ks_test(a, b, "less")
    for_a, for_b = (p <= alpha for p in step_down([a_pvalue, b_pvalue])[0])
    return Dominance(a_ahead, a_pvalue, b_ahead, b_pvalue, WHO_IS_AHEAD[for_a, for_b])


# by whether a, and b, is shown to be ahead somewhere
WHO_IS_AHEAD: dict[tuple[bool, bool], Literal["a", "b", "neither", "unclear"]] = {
    (True, False): "a", (False, True): "b", (True, True): "neither", (False, False): "unclear",
}  # fmt: skip


def dominance_in_words(result: Mapping[str, object], name_a: str, name_b: str) -> str:
    """Who is shown to be ahead somewhere, in a sentence. result: what `dominance` returns."""
    if result["verdict"] == "neither":
        return f"Neither is better at every error: {name_a} and {name_b} are each ahead somewhere."
    if result["verdict"] == "unclear":
        return f"Neither {name_a} nor {name_b} could be shown to be ahead at any error."
    first, second = (name_a, name_b) if result["verdict"] == "a" else (name_b, name_a)
    return f"{first} is ahead of {second} somewhere, and {second} could not be shown to be ahead anywhere."


def _at_or_below(ordered: Floats, e: Floats) -> Floats:
    return np.searchsorted(ordered, e, side="right") / ordered.size


def _half_width(a: Floats, b: Floats, error: Floats, level: float, resamples: int, seed: int) -> float:
    """Bootstrap quantile of sup |(F*_a − F*_b) − (F_a − F_b)|, on about _GRID points.

    Resampled are the curves joined by straight lines: the steps of few models would let no resample
    stray between two errors, as fresh models do.
    """
    rng = np.random.default_rng([seed, 4])
    place = np.linspace(0, error.size, _GRID + 1)[1:]  # among the errors, counted from 1
    moved = np.zeros((resamples, place.size))
    for ordered, sign in ((a, 1), (b, -1)):
        share = np.interp(place, np.arange(error.size + 1), np.append(0.0, _at_or_below(ordered, error)))
        moved += sign * (_resampled_shares(share, ordered.size, resamples, rng) - share)
    return float(np.quantile(np.abs(moved).max(axis=1), level, method="higher"))


def _resampled_shares(share: Floats, n: int, resamples: int, rng: np.random.Generator) -> Floats:
    """(resamples, m) shares at or below m points of n models drawn anew, where the true shares are those given."""
    if n < share.size:
        at = np.searchsorted(share, rng.random((resamples, n))) + (share.size + 1) * np.arange(resamples)[:, None]
        counts = np.bincount(at.ravel(), minlength=resamples * (share.size + 1)).reshape(resamples, -1)
    else:
        counts = rng.multinomial(n, np.diff(np.concatenate([[0.0], share, [1.0]])).clip(0), resamples)
    return np.cumsum(counts[:, :-1], axis=1) / n

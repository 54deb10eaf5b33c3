"""Which parameters matter: for the error, and for being among the best tenth.

A parameter's strength is the share of the outcome's variance that a line and a square in the parameter's place in its
law account for: monotone effects and those with the best in the middle. The error is taken by its rank, so diverged
models count as the last ones and no more. Of a pair, the strength is what their product adds.

Inside a window of complexity parameters are tied to each other, and strength may be borrowed. The null line is what
remains if the parameter is drawn anew given all others, by the sampler's own law: strength that a parameter shows
without any part of its own. Where the others leave it no freedom, its own part cannot be told, and the line says so by
lying at the strength itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import combinations
from typing import Literal

import numpy as np

from dsx.analysis.comparison import holm
from dsx.analysis.randomisation import rank_scores
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, check_level, frame
from dsx.results.samples import as_sample

Outcome = Literal["error", "best tenth"]
OUTCOMES: tuple[Outcome, ...] = ("error", "best tenth")
# draws of a parameter given the others, and random orders of the errors
DRAWS = 999
# fewer models than this show nothing that could be trusted
LEAST = 20
# pairs are looked at among so many of the strongest parameters
PAIRED = 6
# (parameter, number of draws) → (draws, n) values given all other parameters
Resample = Callable[[str, int], Floats]


@dataclass(frozen=True)
class Strength:
    """Of one parameter and outcome. low, high: of strength, at the level asked for.

    pvalue_alone: of no tie to the outcome at all, by random orders of it; noise_line: upper quantile of strength there.
    null: mean strength of the draws given all others; null_line: their upper quantile at that level; pvalue: of no part
    of its own. freedom: share of the parameter's variance (of its place) that the others leave it. Not corrected.
    """

    strength: float
    low: float
    high: float
    noise_line: float
    pvalue_alone: float
    null: float
    null_line: float
    freedom: float
    pvalue: float


COLUMNS = ["outcome", "parameter", "with", "n", *(field.name for field in fields(Strength))]
COLUMNS += ["pvalue_alone_corrected", "pvalue_corrected"]


def importance_table(
    values: Mapping[str, Floats], errors: Floats, resample: Resample, level: float = 0.95, seed: int = 0
) -> Table:
    """One row per outcome and parameter, and per outcome and pair of the strongest: strongest first.

    values: parameter → (n,) numbers, NaN where a network lacks it; errors: (n,) percent. resample: as `Resample`, exact
    draws. Columns: `Strength`'s, the p-values corrected too (Holm, over all parameters, or all pairs, of an outcome);
    `with` is empty for parameters alone. Of pairs, strength is what the product adds to both alone, p-values and lines
    are from residuals in random order (approximate), and freedom is NaN. Deterministic.
    Raises DsxError if fewer than 20 models are given, or lengths differ.
    """
    check_level(level)
    errors = as_sample(errors)
    if len(errors) < LEAST:
        raise DsxError(f"importance: {len(errors)} finished models: at least {LEAST} are needed")
    for name, column in values.items():
        if len(column) != len(errors):
            raise DsxError(f"importance: {len(column)} values of {name} for {len(errors)} models: give one per model")
    names = [name for name, column in values.items() if np.unique(column[np.isfinite(column)]).size > 1]
    scores = {outcome: outcome_scores(errors, outcome) for outcome in OUTCOMES}
    alone: dict[Outcome, list[Strength]] = {outcome: [] for outcome in OUTCOMES}
    for k, name in enumerate(names):
        both = strengths_of(values[name], resample(name, DRAWS), list(scores.values()), level, [seed, k])
        for outcome, strength in zip(OUTCOMES, both, strict=True):
            alone[outcome].append(strength)
    rows: list[list[object]] = []
    for outcome in OUTCOMES:
        rows += _rows(outcome, [(name, "") for name in names], alone[outcome], len(errors))
        order = sorted(range(len(names)), key=lambda k: -alone[outcome][k].strength)[:PAIRED]
        pairs = [(names[i], names[j]) for i, j in combinations(sorted(order), 2)]
        together = [_pair(values[a], values[b], scores[outcome], level, [seed, 2, k]) for k, (a, b) in enumerate(pairs)]
        rows += _rows(outcome, pairs, together, len(errors))
    return frame(rows, COLUMNS)


def outcome_scores(errors: Floats, outcome: Outcome) -> Floats:
    """(n,) mean 0: the error's rank, or whether the error is among the lowest tenth (ties at its end share)."""
    if outcome == "error":
        return rank_scores(errors)
    best = max(1, round(len(errors) / 10))
    end = np.sort(errors)[best - 1]
    tied = errors == end
    share = (errors < end) + tied * (best - (errors < end).sum()) / tied.sum()
    # the sign of errors: lower is better
    return np.asarray(share.mean() - share)


def strengths_of(
    values: Floats, resampled: Floats, outcomes: Sequence[Floats], level: float, seed: Sequence[int]
) -> list[Strength]:
    """The strengths of one parameter, for each outcome.

    values: (n,); resampled: (draws, n) given all others; outcomes: (n,) each, mean 0.
    """
    law = _law(np.concatenate([values[None], resampled]))
    features, null_features = _features(values, law), _features(resampled, law)
    known = np.isfinite(values)
    place, places = features[..., 0], null_features[..., 0]
    spread = float(place[known].var())
    freedom = float(places.var(axis=0)[known].mean() / spread) if spread > 0 and known.any() else 0.0
    strengths = []
    for scores in outcomes:
        strength = float(r_squared(features[None], scores)[0])
        null = r_squared(null_features, scores)
        noise = r_squared(features[None], np.random.default_rng(seed).permuted(np.tile(scores, (DRAWS, 1)), axis=1))
        low, high = _interval(strength, 2, 1, len(scores), level)
        strengths.append(Strength(
            strength, low, high, float(np.quantile(noise, level)), _upper(noise, strength), float(null.mean()),
            float(np.quantile(null, level)), min(freedom, 1.0), _upper(null, strength),
        ))  # fmt: skip
    return strengths


def _upper(draws: Floats, observed: float) -> float:
    """p-value of the observed strength among the draws, itself one of them."""
    return float((1 + (draws >= observed - 1e-12).sum()) / (1 + len(draws)))


def r_squared(features: Floats, scores: Floats) -> Floats:
    """(repeats,) share of the scores' variance that a least-squares fit on the features accounts for.

    features: (repeats or 1, n, k), scores: (n,) or (repeats, n).
    """
    centred = features - features.mean(axis=1, keepdims=True)
    y = np.atleast_2d(scores)
    y = y - y.mean(axis=1, keepdims=True)
    gram = np.einsum("rnk,rnl->rkl", centred, centred)
    # a little is added so that features that agree (few values) do no harm
    ridge = 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12
    moment = np.swapaxes(centred, 1, 2) @ y[..., None]
    fitted = np.linalg.solve(gram + ridge * np.eye(gram.shape[-1]), moment)
    total = (y**2).sum(axis=1)
    explained = (fitted * moment).sum(axis=(1, 2))
    return np.where(total > 0, explained / np.where(total > 0, total, 1), 0.0)


def _law(values: Floats) -> tuple[Floats, Floats]:
    """A parameter's law by some of its values: ascending values, and the place of each in it, from −1 to 1."""
    known, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    return known, (2 * np.cumsum(counts) - counts) / max(counts.sum(), 1) - 1


def _features(values: Floats, law: tuple[Floats, Floats]) -> Floats:
    """(…, 2): place of each value, one of the law's, and its second Legendre polynomial; 0 where NaN."""
    known = np.isfinite(values)
    place = np.zeros(values.shape)
    place[known] = law[1][np.searchsorted(law[0], values[known])]
    return np.stack([place, np.where(known, 1.5 * place**2 - 0.5, 0.0)], axis=-1)


def _interval(strength: float, features: int, others: int, n: int, level: float) -> tuple[float, float]:
    """Strengths for which this one lies between the tails of its law, by the noncentral F distribution.

    features: terms whose strength it is; others: further terms of the fit, the constant included.
    """
    from scipy.optimize import brentq
    from scipy.special import ncfdtr

    freedom = n - features - others
    if strength >= 1 - 1e-12 or freedom < 1:
        return strength, 1.0
    ratio = strength / (1 - strength) * freedom / features
    most = 50.0 * n * strength / (1 - strength) + 200.0

    def end(tail: float) -> float:
        """The noncentrality at which a ratio stays below this one with that chance; 0 if it never does."""
        if ncfdtr(features, freedom, 0.0, ratio) <= tail:
            return 0.0
        # far beyond, the distribution's value is lost to rounding: NaN, where it is 0
        return float(brentq(lambda nc: np.nan_to_num(ncfdtr(features, freedom, nc, ratio)) - tail, 0.0, most))

    low, high = (nc / (nc + n) for nc in (end((1 + level) / 2), end((1 - level) / 2)))
    # parameters are drawn along with the errors, which adds to the strength's variance the more, the larger it is
    wider = float(np.sqrt(2 / (2 - strength)))
    return max(strength - wider * (strength - low), 0.0) if low else 0.0, min(strength + wider * (high - strength), 1.0)


def _pair(a: Floats, b: Floats, scores: Floats, level: float, seed: list[int]) -> Strength:
    """What the product of two parameters adds to a fit on both alone (Freedman and Lane)."""
    main = np.concatenate([_features(x, _law(x)) for x in (a, b)], axis=-1)
    design = np.concatenate([np.ones((len(a), 1)), main], axis=1)
    product = main[:, 0] * main[:, 2]
    added = product - design @ np.linalg.lstsq(design, product, rcond=None)[0]
    residuals = scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    square, total = float(added @ added), float(((scores - scores.mean()) ** 2).sum())
    if square < 1e-9 or total <= 0:
        return Strength(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, np.nan, 1.0)
    orders = np.random.default_rng(seed).permuted(np.tile(residuals, (DRAWS, 1)), axis=1)
    null = (orders @ added) ** 2 / square / total
    strength = float((residuals @ added) ** 2 / square / total)
    low, high = _interval(strength, 1, design.shape[1], len(a), level)
    line, pvalue = float(np.quantile(null, level)), _upper(null, strength)
    return Strength(strength, low, high, line, pvalue, float(null.mean()), line, np.nan, pvalue)


def _rows(
    outcome: Outcome, keys: Sequence[tuple[str, str]], strengths: Sequence[Strength], n: int
) -> list[list[object]]:
    if not keys:
        return []
    corrected, alone = holm([s.pvalue for s in strengths]), holm([s.pvalue_alone for s in strengths])
    rows: list[list[object]] = [
        [outcome, *key, n, *astuple(strength), float(p), float(q)]
        for key, strength, p, q in zip(keys, strengths, alone, corrected, strict=True)
    ]
    return sorted(rows, key=lambda row: -float(row[4]))  # type: ignore[arg-type]

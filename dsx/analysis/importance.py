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
from dsx.analysis.r_squared import r_squared, r_squared_influence, r_squared_interval
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
    features: dict[str, Floats] = {}
    for k, name in enumerate(names):
        features[name], both = strengths_of(values[name], resample(name, DRAWS), scores, level, [seed, k])
        for outcome, strength in both.items():
            alone[outcome].append(strength)
    rows: list[list[object]] = []
    for outcome in OUTCOMES:
        rows += _rows(outcome, [(name, "") for name in names], alone[outcome], len(errors))
        order = sorted(range(len(names)), key=lambda k: -alone[outcome][k].strength)[:PAIRED]
        pairs = [(names[i], names[j]) for i, j in combinations(sorted(order), 2)]
        together = [
            _pair(features[a], features[b], outcome, scores[outcome], level, [seed, 2, k])
            for k, (a, b) in enumerate(pairs)
        ]
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
    values: Floats, resampled: Floats, scores: Mapping[Outcome, Floats], level: float, seed: Sequence[int]
) -> tuple[Floats, dict[Outcome, Strength]]:
    """A parameter's terms of a fit, (n, 2), and their strength for each outcome.

    values: (n,); resampled: (draws, n) given all others; scores: `outcome_scores`.
    """
    law = _law(np.concatenate([values[None], resampled]))
    features, null_features = _features(values, law), _features(resampled, law)
    known = np.isfinite(values)
    place, places = features[..., 0], null_features[..., 0]
    spread = float(place[known].var())
    freedom = float(places.var(axis=0)[known].mean() / spread) if spread > 0 and known.any() else 0.0
    strengths = {}
    for outcome, y in scores.items():
        strength = float(r_squared(features[None], y)[0])
        null = r_squared(null_features, y)
        noise = r_squared(features[None], np.random.default_rng(seed).permuted(np.tile(y, (DRAWS, 1)), axis=1))
        low, high = r_squared_interval(strength, _influence(outcome, y, features), 2, 1, level)
        strengths[outcome] = Strength(
            strength, low, high, float(np.quantile(noise, level)), _upper(noise, strength), float(null.mean()),
            float(np.quantile(null, level)), min(freedom, 1.0), _upper(null, strength),
        )  # fmt: skip
    return features, strengths


def _influence(outcome: Outcome, scores: Floats, features: Floats) -> Floats:
    """(n,) of the strength of these features."""
    if not np.ptp(scores):
        return np.zeros(len(scores))
    return r_squared_influence(features, scores, ranked=outcome == "error")


def _upper(draws: Floats, observed: float) -> float:
    """p-value of the observed strength among the draws, itself one of them."""
    return float((1 + (draws >= observed - 1e-12).sum()) / (1 + len(draws)))


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


def _pair(a: Floats, b: Floats, outcome: Outcome, scores: Floats, level: float, seed: list[int]) -> Strength:
    """What the product of two parameters adds to a fit on the terms of both, (n, 2) each (Freedman and Lane)."""
    main = np.concatenate([a, b], axis=1)
    design = np.concatenate([np.ones((len(a), 1)), main], axis=1)
    product = a[:, 0] * b[:, 0]
    added = product - design @ np.linalg.lstsq(design, product, rcond=None)[0]
    residuals = scores - design @ np.linalg.lstsq(design, scores, rcond=None)[0]
    square, total = float(added @ added), float(((scores - scores.mean()) ** 2).sum())
    if square < 1e-9 or total <= 0:
        return Strength(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, np.nan, 1.0)
    orders = np.random.default_rng(seed).permuted(np.tile(residuals, (DRAWS, 1)), axis=1)
    null = (orders @ added) ** 2 / square / total
    strength = float((residuals @ added) ** 2 / square / total)
    # of what both alone leave, whose share has an interval too
    explained, of_both = float(r_squared(main[None], scores)[0]), _influence(outcome, scores, main)
    left = max(1 - explained, 1e-12)
    part = min(strength / left, 1.0)
    of_all = _influence(outcome, scores, np.column_stack([main, product]))
    of_part = (of_all - (1 - part) * of_both) / left
    least, most = r_squared_interval(explained, of_both, main.shape[1], 1, 1 - (1 - level) / 10)
    low, high = r_squared_interval(part, of_part, 1, design.shape[1], level)
    low, high = low * (1 - most), high * (1 - least)
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

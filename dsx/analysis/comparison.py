"""Two populations against each other: differences with intervals, and the same in a sentence.

All differences are a − b in points of error, so a negative one means that a is better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.analysis.bootstrap import (
    differences,
    mean_difference_interval,
    percentile_interval,
    resampled_means,
    resampled_quantiles,
)
from dsx.analysis.kolmogorov import ks_test
from dsx.analysis.quantiles import min_difference_interval
from dsx.analysis.superiority import superiority
from dsx.analysis.words import number, points, spread
from dsx.base.record import Record, names_of
from dsx.results.samples import Errors, Floats, as_sample, check_level, frame, samples_by_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class PopulationDifference(Record):
    """What `compare` finds of populations a and b, in points of error; a mapping too. An interval
    that needs more models is NaN.
    """

    n_a: int
    n_b: int
    mean_difference: float  # a − b; its interval by the BCa bootstrap
    mean_difference_low: float
    mean_difference_high: float
    min_difference: float  # by the inverted precedence test
    min_difference_low: float
    min_difference_high: float
    median_difference: float  # by the percentile bootstrap
    median_difference_low: float
    median_difference_high: float
    ks: float  # the largest distance of the two EDFs
    ks_pvalue: float  # `ks_test`
    superiority: float  # probability that a model of a has the lower error, ties half; by Brunner–Munzel, logit scale
    superiority_low: float
    superiority_high: float
    level: float  # of all intervals


def compare(errors_a: Errors, errors_b: Errors, level: float = 0.95) -> PopulationDifference:
    """Difference of two populations, with intervals. errors: (n,) percent each, or results tables.

    Swapping a and b mirrors everything.
    An interval that needs more models is NaN. Raises DsxError if either has no finished model.
    """
    check_level(level)
    return _compare(_resample(as_sample(errors_a, "a")), _resample(as_sample(errors_b, "b")), level)


def compare_all(tables: Mapping[str, Any], level: float = 0.95) -> pd.DataFrame:
    """One row per pair of studies, in the order given: a, b, the keys of `compare`, ks_pvalue_holm, words.

    Studies without a finished model are left out here; `summarize` and the counts show them.
    ks_pvalue_holm: the p-values corrected for the number of pairs (Holm 1979). The table is empty
    when fewer than two studies have finished models.
    """
    check_level(level)
    samples = {name: _resample(errors) for name, errors in samples_by_name(tables).items()}
    rows: list[dict[str, Any]] = []
    for a, b in itertools.combinations(samples, 2):
        comparison = _compare(samples[a], samples[b], level)
        rows.append({"a": a, "b": b, **comparison, "words": comparison_in_words(comparison, a, b)})
    corrected = holm([row["ks_pvalue"] for row in rows])
    for row, pvalue in zip(rows, corrected, strict=True):
        row["ks_pvalue_holm"] = float(pvalue)
    return frame(rows, ["a", "b", *names_of(PopulationDifference), "ks_pvalue_holm", "words"])


def comparison_in_words(comparison: Mapping[str, float], name_a: str, name_b: str) -> str:
    """What a comparison shows, in a sentence: who is better by how much, or that nothing could be shown.

    comparison: what `compare` returns. The better population comes first, whichever was a.
    """
    difference, low, high = (comparison[f"mean_difference{end}"] for end in ("", "_low", "_high"))
    percent = f"{100 * comparison['level']:g} % interval"
    if math.isnan(low) or math.isnan(high):
        few = min((comparison["n_a"], name_a), (comparison["n_b"], name_b))
        return (
            f"{name_a} and {name_b} cannot be compared: {few[1]} has {few[0]:.0f} finished model, too few for an "
            f"interval (mean error {name_a} − {name_b}: {number(difference)} points)."
        )
    if low <= 0 <= high:
        shown = comparison["superiority_low"] > 0.5 or comparison["superiority_high"] < 0.5
        chance = f"; yet {_chance_in_words(comparison, name_a, name_b)}" if shown else ""
        return (
            f"No difference in mean error could be shown between {name_a} and {name_b}: "
            f"{points(difference, low, high)} points ({percent} {spread(low, high)}){chance}."
        )
    better, worse = (name_a, name_b) if difference < 0 else (name_b, name_a)
    low, high = sorted((abs(low), abs(high)))
    chance = _chance_in_words(comparison, name_a, name_b, first_is_better=difference < 0)
    return (
        f"{better} is better than {worse}: mean error lower by {points(abs(difference), low, high)} points "
        f"({percent} {spread(low, high)}); {chance}."
    )


def _chance_in_words(
    comparison: Mapping[str, float], name_a: str, name_b: str, first_is_better: bool | None = None
) -> str:
    """`a model of A beats one of B with probability 0.78 (0.75–0.81)`, the likelier winner first by default."""
    chance, low, high = (comparison[f"superiority{end}"] for end in ("", "_low", "_high"))
    if not (chance >= 0.5 if first_is_better is None else first_is_better):
        name_a, name_b, chance, low, high = name_b, name_a, 1 - chance, 1 - high, 1 - low
    return f"a model of {name_a} beats one of {name_b} with probability {chance:.2f} ({low:.2f}–{high:.2f})"


def holm(pvalues: Sequence[float] | Floats) -> Floats:
    """p-values corrected for their number, so that all that are ≤ α hold together with error ≤ α (Holm 1979)."""
    p = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(p)
    scaled = np.minimum(1, np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))))
    corrected = np.empty_like(p)
    corrected[order] = scaled
    return corrected


@dataclass(frozen=True, eq=False)
class _Sample:
    """Errors with their bootstrap replicates, drawn once however many pairs they enter."""

    errors: Floats
    means: Floats
    medians: Floats


def _resample(errors: Floats) -> _Sample:
    return _Sample(errors, resampled_means(errors), resampled_quantiles(errors, 0.5))


def _compare(a: _Sample, b: _Sample, level: float) -> PopulationDifference:
    mean = mean_difference_interval(a.errors, b.errors, level, a.means, b.means)
    median = (math.nan, math.nan)
    if min(a.errors.size, b.errors.size) > 1:
        median = percentile_interval(differences(a.medians, b.medians), level)
    minimum = min_difference_interval(a.errors, b.errors, level)
    distance, pvalue = ks_test(a.errors, b.errors)
    chance, chance_low, chance_high = superiority(a.errors, b.errors, level)
    return PopulationDifference(
        a.errors.size, b.errors.size,
        float(a.errors.mean() - b.errors.mean()), *mean,
        float(a.errors.min() - b.errors.min()), *minimum,
        float(np.median(a.errors) - np.median(b.errors)), *median,
        distance, pvalue, chance, chance_low, chance_high, level,
    )  # fmt: skip

"""Two populations against each other: differences with intervals. They describe; verdicts decide (`decisions`).

All differences are a − b in points of error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsx.analysis.bootstrap import (
    differences,
    mean_difference_interval,
    models_for_mean,
    percentile_interval,
    resampled_means,
    resampled_quantiles,
)
from dsx.analysis.decisions import Decisions, decisions
from dsx.analysis.kolmogorov import ks_test
from dsx.analysis.number_words import number, spread
from dsx.analysis.superiority import superiority
from dsx.analysis.trimmed import trimmed_mean_difference
from dsx.analysis.verdict import Verdict, step_down
from dsx.analysis.verdict_words import verdict_sentence
from dsx.base.record import Record, names_of
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table, check_level, frame, is_table
from dsx.results.samples import Errors, as_sample, samples_by_name


@dataclass(frozen=True, eq=False)
class PopulationDifference(Record):
    """What `compare` finds of populations a and b, in points of error; a mapping too. An interval
    that needs more models is NaN.
    """

    n_a: int
    n_b: int
    mean_difference: float  # a − b; its interval by the BCa bootstrap, from `models_for_mean` models of both on
    mean_difference_low: float
    mean_difference_high: float
    trimmed_difference: float  # of the means without the lowest and highest fifth; Yuen's interval
    trimmed_difference_low: float
    trimmed_difference_high: float
    min_difference: float  # of these models; it has no interval: see `best_of_k`
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


def compare_all(
    tables: Mapping[str, Errors], level: float = 0.95, decided: Decisions | None = None, metric: Metric = ERROR
) -> Table:
    """One row per pair of studies, in the order given: a, b, the keys of `compare`, ks_pvalue_holm, words.

    The intervals of one kind hold for all pairs at once (Bonferroni). Studies without a finished model are left out
    here; `summarize` and the counts show them. ks_pvalue_holm: corrected for the number of pairs (Holm 1979); it
    describes, as the other columns do. words: the verdict in a sentence, which `decided` holds (by default that at any
    look), and the differences, of the metric that the errors are of, where the columns are of the errors. The table is
    empty when fewer than two studies have finished models.
    """
    check_level(level)
    samples = {name: _resample(errors) for name, errors in samples_by_name(tables).items()}
    verdicts = decided or decisions({name: _as_table(tables[name]) for name in samples}, level)
    pairs = list(itertools.combinations(samples, 2))
    rows: list[dict[str, Any]] = []
    for a, b in pairs:
        comparison = _compare(samples[a], samples[b], 1 - (1 - level) / len(pairs))
        words = comparison_in_words(comparison, a, b, verdicts.of(a, b), metric)
        rows.append({"a": a, "b": b, **comparison, "level": level, "words": words})
    corrected = holm([row["ks_pvalue"] for row in rows])
    for row, pvalue in zip(rows, corrected, strict=True):
        row["ks_pvalue_holm"] = float(pvalue)
    return frame(rows, ["a", "b", *names_of(PopulationDifference), "ks_pvalue_holm", "words"])


def comparison_in_words(
    comparison: Mapping[str, float], name_a: str, name_b: str, verdict: Verdict | None = None, metric: Metric = ERROR
) -> str:
    """The verdict in a sentence, then by how much the models at hand differ; without a verdict the latter alone.

    comparison: what `compare` returns; the words are of the metric that its errors are of. Differences describe these
    models: no word here decides which space is better.
    """
    (middle, _, _), (mean, low, high), (median, _, _) = (
        metric.difference(*(comparison[f"{what}_difference{end}"] for end in ("", "_low", "_high")))
        for what in ("trimmed", "mean", "median")
    )
    rest = f"trimmed mean {number(middle, 2)}, median {number(median, 2)}."
    unit, mean_in_words = metric.unit_of_differences, number(mean, 2)
    if verdict is not None:
        decided = verdict_sentence(verdict, name_a, name_b)[:-1]
        return f"{decided}; {name_a} − {name_b} in {unit}: mean {mean_in_words}, {rest}"
    percent = f"{100 * comparison['level']:g} % interval"
    around = "" if math.isnan(low) or math.isnan(high) else f" ({percent} {spread(low, high)})"
    return (
        f"{name_a} − {name_b}, {comparison['n_a']:.0f} and {comparison['n_b']:.0f} models, in {unit}: mean"
        f" {mean_in_words}{around}, {rest}"
    )


def holm(pvalues: Sequence[float] | Floats) -> Floats:
    """p-values corrected for their number, so that all that are ≤ α hold together with error ≤ α (Holm 1979)."""
    return np.array(step_down(list(pvalues))[0])


@dataclass(frozen=True, eq=False)
class _Sample:
    """Errors with their bootstrap replicates, drawn once however many pairs they enter."""

    errors: Floats
    means: Floats
    medians: Floats


def _as_table(errors: Errors) -> Table:
    return errors if is_table(errors) else frame({"error": as_sample(errors)}, ["error"])


def _resample(errors: Floats) -> _Sample:
    return _Sample(errors, resampled_means(errors), resampled_quantiles(errors, 0.5))


def _compare(a: _Sample, b: _Sample, level: float) -> PopulationDifference:
    fewer = min(a.errors.size, b.errors.size)
    mean = median = (math.nan, math.nan)
    if fewer >= models_for_mean(level):
        mean = mean_difference_interval(a.errors, b.errors, level, a.means, b.means)
    if fewer > 1:
        median = percentile_interval(differences(a.medians, b.medians), level)
    trimmed = trimmed_mean_difference(a.errors, b.errors, level=level)
    distance, pvalue = ks_test(a.errors, b.errors)
    chance, chance_low, chance_high = superiority(a.errors, b.errors, level)
    return PopulationDifference(
        a.errors.size, b.errors.size,
        float(a.errors.mean() - b.errors.mean()), *mean,
        *trimmed,
        float(a.errors.min() - b.errors.min()),
        float(np.median(a.errors) - np.median(b.errors)), *median,
        distance, pvalue, chance, chance_low, chance_high, level,
    )  # fmt: skip

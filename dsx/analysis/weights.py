"""Comparison at matched complexity: weights that make every population uniform over flops, params or acts.

NDS §3.3 and the authors' notebooks: keep the models inside a window of complexity, cut it into K bins
of equal width, and let each bin weigh the same: weight = 1 / (K · models in the bin). Where a bin holds
too few models of some population it is joined with a neighbour, and the joint bin weighs as many bins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsx.analysis.bootstrap import difference_interval, grouped_mean_interval
from dsx.analysis.decisions import Decisions, decisions
from dsx.analysis.number_words import points, spread
from dsx.analysis.verdict import Verdict
from dsx.analysis.verdict_words import verdict_sentence
from dsx.base.errors import DsxError
from dsx.base.record import Record, names_of
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table, check_count, check_level, column, frame, number_array
from dsx.results.columns import COMPLEXITIES
from dsx.results.states import finished


@dataclass(frozen=True, eq=False)
class MatchedBins:
    """Bins of complexity that all populations share.

    edges: (K + 1,) ascending; a value belongs to the bin low ≤ c < high, the last end included.
    shares: (K,) weight of each bin, its share of the window's width, summing to 1. asked: bins asked for.
    """

    edges: Floats
    shares: Floats
    asked: int

    def index(self, complexity: Floats) -> npt.NDArray[np.int64]:
        """Bin of each model, −1 outside the window or where complexity is NaN."""
        inside = (complexity >= self.edges[0]) & (complexity <= self.edges[-1])
        bins = np.searchsorted(self.edges, complexity, side="right") - 1
        return np.where(inside, np.minimum(bins, self.shares.size - 1), -1)

    def weights(self, complexity: Floats) -> Floats:
        """(n,) weights that sum to 1 and are 0 outside the window: a bin's share over its number of models."""
        bins = self.index(complexity)
        counts = np.bincount(bins[bins >= 0], minlength=self.shares.size)
        each = self.shares / np.maximum(counts, 1)
        weights: Floats = np.where(bins >= 0, each[bins], 0.0)
        return weights / weights.sum()


def matched_bins(
    complexities: Sequence[npt.ArrayLike], bins: int = 10, window: tuple[float, float] | None = None, least: int = 2
) -> MatchedBins:
    """Bins in which each population has at least `least` models.

    complexities: one (n_i,) array per population, NaN allowed. window: (low, high), inclusive; by default
    the range that all populations reach. bins: equal-width bins to begin with (NDS uses 5 to 40); a bin
    short of models is joined with the neighbour that has fewer, until none is.
    Raises DsxError if the window is empty or holds fewer than `least` models of some population.
    """
    arrays = [number_array(c, "complexity") for c in complexities]
    arrays = [c[np.isfinite(c)] for c in arrays]
    check_count(bins, "bins")
    if not arrays or any(c.size == 0 for c in arrays):
        raise DsxError("matched comparison: a population has no model with a known complexity")
    low, high = window or (max(float(c.min()) for c in arrays), min(float(c.max()) for c in arrays))
    if window is None and low > high:
        raise DsxError(
            f"matched comparison: one population ends at {high:.4g} and another begins at {low:.4g}, so that none of"
            " their models match; sample both from windows that overlap"
        )
    inside = [c[(c >= low) & (c <= high)] for c in arrays]
    if low > high or min(c.size for c in inside) < least:
        raise DsxError(
            f"matched comparison: between {low:.4g} and {high:.4g} the populations have "
            f"{', '.join(str(c.size) for c in inside)} models; at least {least} of each are needed: widen the window"
        )
    edges = np.linspace(low, high, bins + 1)
    edges = np.unique(edges)  # a window of no width is one bin
    edges = edges if edges.size > 1 else np.array([low, low])
    counts = np.array([np.histogram(c, edges)[0] if edges[1] > edges[0] else [c.size] for c in inside])
    widths = np.full(counts.shape[1], 1 / counts.shape[1])
    while widths.size > 1 and counts.min() < least:
        short = int(np.argmin(counts.min(axis=0)))
        neighbours = [i for i in (short - 1, short + 1) if 0 <= i < widths.size]
        left = min(short, min(neighbours, key=lambda i: int(counts[:, i].min())))
        counts = np.concatenate(
            [counts[:, :left], counts[:, left : left + 2].sum(1, keepdims=True), counts[:, left + 2 :]], 1
        )
        widths = np.concatenate([widths[:left], [widths[left] + widths[left + 1]], widths[left + 2 :]])
        edges = np.delete(edges, left + 1)
    return MatchedBins(edges, widths, bins)


def matched_weights(
    tables: Mapping[str, Table], by: str = "flops", bins: int = 10, window: tuple[float, float] | None = None
) -> dict[str, Floats]:
    """Weights of the finished models of each study, uniform over `by` in the window they share.

    tables: name → results table. Returns name → (n,) weights in the order of `finished(table)`, for
    `edf(errors, weights)` and `expected_minimum`. Raises DsxError as `matched_bins` does.
    """
    values = {name: column(finished(table), by) for name, table in tables.items()}
    shared = matched_bins(list(values.values()), bins, window)
    return {name: shared.weights(c) for name, c in values.items()}


@dataclass(frozen=True, eq=False)
class MatchedDifference(Record):
    """What `compare_matched` finds of populations a and b; a mapping too."""

    by: str  # the complexity
    low: float  # the window, ends included
    high: float
    bins: int
    n_a: int  # models inside the window
    n_b: int
    total_a: int
    total_b: int
    mean_a: float  # weighted, percent
    mean_b: float
    mean_difference: float  # a − b, points
    mean_difference_low: float
    mean_difference_high: float
    level: float


def compare_matched(
    table_a: Table,
    table_b: Table,
    by: str = "flops",
    bins: int = 10,
    window: tuple[float, float] | None = None,
    level: float = 0.95,
) -> MatchedDifference:
    """Difference of mean error (a − b, points) between models of equal complexity, with its interval.

    The mean over bins of the difference inside each bin. Interval: from those of the two means
    (`difference_interval`), each by the BCa bootstrap within the bins, given the complexities
    (`grouped_mean_interval`); NaN below `models_for_mean` of either inside the window.
    Raises DsxError if `by` is no column, or the window is too poor.
    """
    rows_a, rows_b = finished(table_a), finished(table_b)
    shared = matched_bins([column(rows_a, by), column(rows_b, by)], bins, window)
    groups_a, groups_b = (_in_bins(rows, by, shared) for rows in (rows_a, rows_b))
    n_a, n_b = (sum(group.size for group in groups) for groups in (groups_a, groups_b))
    a, b = (grouped_mean_interval(groups, shared.shares, level) for groups in (groups_a, groups_b))
    return MatchedDifference(
        by, float(shared.edges[0]), float(shared.edges[-1]), shared.shares.size, n_a, n_b, len(rows_a), len(rows_b),
        a[0], b[0], a[0] - b[0], *difference_interval(a, b), level,
    )  # fmt: skip


def matched_in_words(
    comparison: Mapping[str, Any], name_a: str, name_b: str, verdict: Verdict | None = None, metric: Metric = ERROR
) -> str:
    """The verdict at equal complexity in a sentence, then the difference of means; without a verdict the latter alone.

    comparison: what `compare_matched` returns: it describes, and no word of it decides which space is better. The
    words are of the metric that its errors are of.
    """
    difference, low, high = metric.difference(*(comparison[f"mean_difference{end}"] for end in ("", "_low", "_high")))
    apart = f"mean {name_a} − {name_b} in bins: {points(difference, low, high)} {metric.unit_of_differences}"
    if verdict is not None:
        return f"{verdict_sentence(verdict, name_a, name_b)[:-1]}; {apart}."
    models = f"{comparison['n_a']} and {comparison['n_b']} models"
    around = "" if math.isnan(low) else f" ({100 * comparison['level']:g} % interval {spread(low, high)})"
    return f"At equal {comparison['by']} ({models}), {apart}{around}."


def matched_table(
    tables: Mapping[str, Table],
    by: Sequence[str] = COMPLEXITIES,
    level: float = 0.95,
    decided: Decisions | None = None,
    metric: Metric = ERROR,
) -> Table:
    """One row per pair of studies and measure: a, b, `compare_matched`, words (or why there is none).

    The intervals hold for all rows at once (Bonferroni). words: the verdict at equal complexity, which
    `decided` holds (by default that at any look), and the difference, of the metric that the errors are of, where the
    columns are of the errors.
    """
    check_level(level)
    studies = {name: table for name, table in tables.items() if len(finished(table))}
    verdicts = decided or decisions(studies, level)
    asked = [
        (a, b, measure)
        for a, b in itertools.combinations(studies, 2)
        for measure in by
        if all(measure in studies[name].columns for name in (a, b))
    ]
    rows = []
    for a, b, measure in asked:
        try:
            row = compare_matched(studies[a], studies[b], measure, level=1 - (1 - level) / len(asked))
            verdict = verdicts.of(a, b, f"at equal {measure}")
            told = matched_in_words({**row, "level": level}, a, b, verdict, metric)
            rows.append({"a": a, "b": b, **row, "level": level, "words": told})
        except DsxError as reason:
            rows.append({"a": a, "b": b, "by": measure, "words": str(reason)})
    return frame(rows, ["a", "b", *names_of(MatchedDifference), "words"])


def _in_bins(rows: Table, by: str, bins: MatchedBins) -> list[Floats]:
    """The errors in each bin."""
    errors, index = column(rows, "error"), bins.index(column(rows, by))
    return [errors[index == k] for k in range(bins.shares.size)]

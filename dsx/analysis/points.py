"""Tables of what is to be seen of a single population: points, histograms, boxes, networks block by block."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from dsx.analysis.best import best_range, best_weights, joint_best_range
from dsx.analysis.linear import DEEPEST, linear_fits
from dsx.analysis.trends import rank_correlation
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, column, frame, number_array
from dsx.results.states import finished


def over_ranks(table: Table, most: int) -> Table:
    """At most so many finished models, the best and the worst among them, spread evenly over the ranks of error."""
    rows = finished(table)
    if len(rows) <= most:
        return rows
    order = np.argsort(rows["error"].to_numpy(float), kind="stable")
    kept: Table = rows.iloc[order[np.linspace(0, len(rows) - 1, most).round().astype(int)]]
    return kept.reset_index(drop=True)


def varied(table: Table, columns: Sequence[str]) -> list[str]:
    """Those columns that a table has and that differ between its finished models."""
    rows = finished(table)
    return [name for name in columns if name in rows.columns and rows[name].nunique() > 1]


def leading(table: Table, columns: Sequence[str], most: int = 4) -> list[str]:
    """The columns whose rank correlation with the error is strongest, in the order given."""
    rows = finished(table)
    strength = {}
    for name in varied(rows, columns):
        correlation = rank_correlation(column(rows, name), rows["error"].to_numpy(float))
        strength[name] = abs(np.nan_to_num(correlation["correlation"]))
    best = sorted(strength, key=lambda name: -strength[name])[:most]
    return [name for name in strength if name in best]


def points_table(table: Table, columns: Sequence[str]) -> Table:
    """One row per finished model: model_id, state, error, rank (1 is best), and these columns."""
    rows = finished(table)
    kept = [name for name in ("model_id", "state", "error") if name in rows.columns]
    rank = np.argsort(np.argsort(rows["error"].to_numpy(float), kind="stable"), kind="stable") + 1
    made: Table = rows[kept].assign(rank=rank)
    return made.assign(**{name: column(rows, name) for name in columns})


def boxes_table(table: Table, columns: Sequence[str], fraction: float = 0.25, level: float = 0.95) -> Table:
    """One row per pair of columns: x, y, the ends of their joint best range (`joint_best_range`), its probability.

    Pairs that no model has both values of are left out.
    """
    return boxes_of(finished(table), list(itertools.combinations(columns, 2)), fraction, level)


def boxes_of(rows: Table, pairs: Sequence[tuple[str, str]], fraction: float = 0.25, level: float = 0.95) -> Table:
    """`boxes_table` of these pairs of columns of finished models."""
    boxes = []
    for x, y in pairs:
        try:
            box = joint_best_range(column(rows, x), column(rows, y), rows["error"].to_numpy(float), fraction, level)
        except DsxError:
            continue
        boxes.append((x, y, *box.x, *box.y, box.probability))
    ends = [f"{axis}_{end}" for axis in "xy" for end in ("low", "median", "high")]
    return frame(boxes, ["x", "y", *ends, "probability"])


def marginals_table(table: Table, columns: Sequence[str], fraction: float = 0.25, bins: int = 12) -> Table:
    """How each column is distributed: parameter, low, high, share of all models, share of the likely best.

    One row per value (low = high) of columns of up to 6 values, else per bin; bins hold about the same number of
    models, at least eight, so that neither share is spiky; low ends are inclusive, high ends only of the last bin.
    Likely best: weighted by the chance to be the best of a random `fraction` (`best_weights`). Shares of one column sum
    to 1.
    """
    rows = finished(table)
    chance = best_weights(rows["error"].to_numpy(float), fraction)
    bars: list[tuple[object, ...]] = []
    for name in columns:
        values = column(rows, name)
        known = np.isfinite(values)
        if not known.any():
            continue
        x, weights = values[known], chance[known] / max(float(chance[known].sum()), 1e-300)
        at, lows, highs = _bins(x, bins)
        shares = (np.bincount(at, w, lows.size) for w in (np.full(x.size, 1 / x.size), weights))
        bars += [(name, *row) for row in zip(lows, highs, *shares, strict=True)]
    return frame(bars, ["parameter", "low", "high", "all", "likely_best"])


def networks_table(table: Table, widths: Sequence[object], count: int = 6, stages: int | None = None) -> Table:
    """The best networks block by block: rank, model_id, error, block, width, and the fit w0, wa, wm, e_fit, fitted.

    table: n finished models. widths: (n) the block widths of each (`linear_fits`), None where they are not known.
    Where there is no fit, as of more than `DEEPEST` blocks, its columns are NaN.
    """
    by_error = np.argsort(table["error"].to_numpy(float), kind="stable")
    order = [i for i in by_error if widths[i] is not None][:count]
    blocks = [number_array(widths[i], "widths") for i in order]
    made = iter(linear_fits([each for each in blocks if each.size <= DEEPEST], stages))
    fits = [next(made) if each.size <= DEEPEST else None for each in blocks]
    ids = table["model_id"].tolist() if "model_id" in table.columns else [f"row {i}" for i in range(len(table))]
    rows: list[tuple[object, ...]] = []
    for rank, (i, each, fit) in enumerate(zip(order, blocks, fits, strict=True), 1):
        numbers = (fit.w0, fit.wa, fit.wm, fit.error) if fit else (np.nan,) * 4
        for block, width in enumerate(each):
            fitted = fit.predicted[block] if fit else np.nan
            rows.append((rank, ids[i], table["error"].iloc[i], block, width, *numbers, fitted))
    return frame(rows, ["rank", "model_id", "error", "block", "width", "w0", "wa", "wm", "e_fit", "fitted"])


def e_fit_row(e_fit: Floats, errors: Floats, fraction: float = 0.25, level: float = 0.95) -> dict[str, float]:
    """How close networks are to a quantised line, and how that goes with the error.

    e_fit: (n,) NaN where there is no fit. networks: n; fitted: how many have one. e_fit: the median; best, best_low,
    best_high: of the likely best (`best_range`); correlation, correlation_low, correlation_high, pvalue: of the ranks.
    Raises DsxError if none has a fit.
    """
    low, best, high = best_range(e_fit, errors, fraction, level)
    ranks, known = rank_correlation(e_fit, errors, level), e_fit[np.isfinite(e_fit)]
    return {
        "networks": e_fit.size, "fitted": known.size, "e_fit": float(np.median(known)),
        "best": best, "best_low": low, "best_high": high,
        "correlation": ranks.correlation, "correlation_low": ranks.low, "correlation_high": ranks.high,
        "pvalue": ranks.pvalue,
    }  # fmt: skip


def _bins(x: Floats, bins: int) -> tuple[Any, Floats, Floats]:
    """Index of each value's bin, and the bins' ends."""
    distinct = np.unique(x)
    if distinct.size <= 6:
        return np.searchsorted(distinct, x), distinct, distinct
    count = int(np.clip(x.size // 8, 2, bins))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, count + 1), method="inverted_cdf"))
    at = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)
    return at, edges[:-1], edges[1:]

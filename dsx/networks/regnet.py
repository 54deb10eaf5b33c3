"""Quantised-linear widths: the RegNet parametrisation (RegNet §3.3, equations 2–4).

u_j = w0 + wa·j for block j = 0 … d−1;  s_j = log(u_j / w0) / log(wm);  k_j = round(s_j), half to even;
block j has width w0·wm^k_j, rounded to a multiple of `step`. Stage i holds the blocks with k_j = i.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dsx.base.errors import DsxError


class StageShape(NamedTuple):
    """Width and number of blocks of one stage."""

    width: int
    depth: int


def quantize_widths(w0: float, wa: float, wm: float, depth: int, step: int = 8) -> list[StageShape]:
    """Stages of one network before group adjustment; blocks of equal width make one stage.

    w0: initial width > 0; wa: slope ≥ 0; wm: width multiplier > 1; depth: blocks ≥ 1; step: widths are
    multiples of it; the first is 0, which no network has, where w0 is at most half of it. Raises DsxError for values
    outside these. RegNet eq. 2–4; rounding to 8 as in the authors' code.
    """
    for name, value, valid, rule in (
        ("w0", w0, w0 > 0, "> 0"),
        ("wa", wa, wa >= 0, "≥ 0"),
        ("wm", wm, wm > 1, "> 1"),
        ("depth", depth, depth >= 1 and int(depth) == depth, "an integer ≥ 1"),
        ("step", step, step >= 1 and int(step) == step, "an integer ≥ 1"),
    ):
        if not valid:
            raise DsxError(f"{name} = {value}: expected {rule}")
    initial, slope, multiplier = (np.array([x], dtype=float) for x in (w0, wa, wm))
    levels = block_levels(initial, slope, multiplier, int(depth))[0]
    widths, counts = np.unique(level_widths(initial, multiplier, levels, step), return_counts=True)
    return [StageShape(int(w), int(d)) for w, d in zip(widths, counts, strict=True)]


def quantize_widths_table(
    w0: np.ndarray,
    wa: np.ndarray,
    wm: np.ndarray,
    depth: np.ndarray,
    stages: np.ndarray,
    max_stages: int,
    step: int = 8,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stage widths (n, max_stages), stage depths (n, max_stages), and (n,) bool: where the network is valid.

    Valid is a network of exactly `stages` (n,) stages in which no level is skipped and no two stages round to
    the same width. Depth is 0 in stages that a network lacks.
    """
    n = len(w0)
    with np.errstate(all="ignore"):
        top = np.rint(np.log((wa * (depth - 1) + w0) / w0) / np.log(wm))
    rows = np.flatnonzero(top == stages - 1)  # most candidates end here, before the per-block work
    widths = np.ones((n, max_stages), dtype=np.int64)
    depths = np.zeros((n, max_stages), dtype=np.int64)
    valid = np.zeros(n, dtype=bool)
    if len(rows) == 0:
        return widths, depths, valid
    levels = block_levels(w0[rows], wa[rows], wm[rows], int(depth[rows].max()))
    inside = np.arange(levels.shape[1]) < depth[rows][:, None]
    stage = np.arange(max_stages)
    counts = np.stack([((levels == i) & inside).sum(axis=1) for i in stage], axis=1)
    rounded = level_widths(w0[rows], wm[rows], np.broadcast_to(stage, counts.shape), step)
    wanted = stage < stages[rows][:, None]
    distinct = (np.diff(rounded, axis=1) > 0) | ~wanted[:, 1:]
    valid[rows] = ((counts > 0) == wanted).all(axis=1) & distinct.all(axis=1) & (rounded[:, 0] > 0)
    widths[rows] = np.maximum(rounded, 1)
    depths[rows] = counts
    return widths, depths, valid


def block_levels(w0: np.ndarray, wa: np.ndarray, wm: np.ndarray, depth: int) -> np.ndarray:
    """(n, depth) quantisation level k_j of every block. Equation 3, and the rounding of equation 4."""
    continuous = wa[:, None] * np.arange(depth) + w0[:, None]
    with np.errstate(all="ignore"):
        return np.rint(np.log(continuous / w0[:, None]) / np.log(wm)[:, None])


def level_widths(w0: np.ndarray, wm: np.ndarray, levels: np.ndarray, step: int) -> np.ndarray:
    """Widths of levels (n, k), rounded to multiples of `step`. Equation 4."""
    exact = w0[:, None] * np.power(wm[:, None], levels)
    return (np.rint(exact / step) * step).astype(np.int64).reshape(np.shape(levels))

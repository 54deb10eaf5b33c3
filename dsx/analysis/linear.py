"""The quantised-linear fit: how well one line of widths, quantised to stages, describes a network.

RegNet §3.3: u_j = w0 + wa·j for block j; s_j = log(u_j/w0)/log(wm); the fit is w0·wm^round(s_j), with
as many distinct widths as the network has stages, none skipped. e_fit is the mean over blocks of (log₂(fit/width))².
The paper gives neither formula nor grid; this form with w0 in multiples of 8, whole wa, wm in tenths and
no rounding of the fit to multiples of 8 returns both of its printed fits, the mean absolute ratio does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, frame, number_array
from dsx.results.columns import stages as stage_numbers

W0 = np.arange(8, 257, 8)  # widths, channels
WA = np.arange(0, 257)  # channels per block; 0 for networks of one width
WM = np.round(np.arange(1.5, 3.01, 0.1), 1)
DEEPEST = 256  # blocks; the grid of that depth takes 0.3 GB
_CHUNK = 32  # networks compared with the whole grid at once: 32 × 133,000 float32 is 17 MB


@dataclass(frozen=True, eq=False)
class LinearFit:
    """The best quantised-linear fit of one network.

    w0 (channels), wa (channels per block), wm: the line and the width multiplier. error: e_fit, the mean
    squared log₂ ratio. predicted: (depth,) the fit's widths per block, not rounded. wa_low, wa_high: the
    whole slopes that give the same fit; a network of few blocks leaves the slope open.
    """

    w0: float
    wa: float
    wm: float
    error: float
    predicted: Floats
    wa_low: float
    wa_high: float


@dataclass(frozen=True, eq=False)
class _Grid:
    """All (w0, wa, wm) for networks of up to `depth` blocks. Grid index g runs over wm, w0, wa in this order."""

    logs: npt.NDArray[np.float32]  # (g, depth) log₂ of the fit's widths, less _CENTRE
    squares: npt.NDArray[np.float32]  # (g, depth) running sum of their squares
    stages: npt.NDArray[np.int8]  # (g, depth) distinct widths up to and with this block; 0 if the fit skips a width


_CENTRE = 7.0  # log₂ 128; float32 keeps more digits of numbers near 0


def linear_fit(widths: npt.ArrayLike, stages: int | None = None) -> LinearFit:
    """The best quantised-linear fit of one network.

    widths: (depth,) channels of each block, first to last, > 0. stages: how many distinct widths the fit
    has; by default the number of runs of equal widths. Of equally good fits that whose
    unquantised line lies closest to the widths (mean squared log₂ ratio) is taken.
    Raises DsxError if widths is empty or not positive, or if no fit has that many stages.
    """
    fit = linear_fits([widths], stages)[0]
    if fit is None:
        n = number_array(widths, "widths").size
        raise DsxError(f"widths: no quantised-linear network of {n} blocks has {stages or 'as many'} stages")
    return fit


def linear_fits(networks: Iterable[npt.ArrayLike], stages: int | None = None) -> list[LinearFit | None]:
    """`linear_fit` of many networks at once; None where no fit has as many stages. Each: (depth,) channels."""
    widths = [_check(w) for w in networks]
    fits: list[LinearFit | None] = [None] * len(widths)
    groups: dict[tuple[int, int], list[int]] = {}
    for index, w in enumerate(widths):
        runs = stages or 1 + int(np.count_nonzero(np.diff(w)))
        groups.setdefault((w.size, runs), []).append(index)
    grid = _grid(16 * math.ceil(max((w.size for w in widths), default=1) / 16))
    for (depth, runs), members in groups.items():
        allowed = np.flatnonzero(grid.stages[:, depth - 1] == runs)
        if allowed.size == 0:
            continue
        for start in range(0, len(members), _CHUNK):
            part = members[start : start + _CHUNK]
            targets = np.log2(np.array([widths[i] for i in part]))
            for i, best in zip(part, _search(grid, allowed, targets), strict=True):
                fits[i] = best
    return fits


def linear_fit_table(networks: Iterable[npt.ArrayLike], stages: int | None = None) -> Table:
    """One row per network, in order: w0, wa, wm, error (e_fit); NaN where no fit has as many stages."""
    nothing = LinearFit(math.nan, math.nan, math.nan, math.nan, np.array([]), math.nan, math.nan)
    fits = [fit or nothing for fit in linear_fits(networks, stages)]
    return frame([(f.w0, f.wa, f.wm, f.error) for f in fits], ["w0", "wa", "wm", "error"])


def block_widths(depths: Sequence[float], widths: Sequence[float]) -> Floats:
    """Per-block widths from those per stage: depths (2, 4), widths (64, 128) → 64 64 128 128 128 128.

    Raises DsxError unless they are as many, and depths whole numbers ≥ 0.
    """
    each, times = number_array(widths, "widths"), number_array(depths, "depths")
    if each.size != times.size:
        raise DsxError(f"depths and widths: {times.size} and {each.size} values: give one of each per stage")
    if not (np.isfinite(times).all() and (times >= 0).all() and (times == times.round()).all()):
        raise DsxError("depths: expected whole numbers of blocks, ≥ 0")
    return np.repeat(each, times.astype(np.int64))


def table_widths(table: Table) -> list[Floats]:
    """Per-block widths of each row of a results table, from its columns depth_1 … and width_1 ….

    Raises DsxError if the table has no such columns. A stage that is NaN is absent.
    """
    numbers = stage_numbers(table.columns, "depth", "width")
    if not numbers:
        raise DsxError("results table: no columns depth_1 … and width_1 …: a linear fit needs the widths per stage")
    depths = np.nan_to_num(table[[f"depth_{i}" for i in numbers]].to_numpy(dtype=float))
    widths = np.nan_to_num(table[[f"width_{i}" for i in numbers]].to_numpy(dtype=float))
    return [block_widths(d, w) for d, w in zip(depths, widths, strict=True)]


def _check(widths: npt.ArrayLike) -> Floats:
    array = number_array(widths, "widths")
    if array.size == 0 or not np.isfinite(array).all() or (array <= 0).any():
        raise DsxError("widths: expected the width of each block, finite and above 0")
    if array.size > DEEPEST:
        raise DsxError(f"widths: {array.size} blocks: a linear fit is made for networks of up to {DEEPEST} blocks")
    return array


@lru_cache(maxsize=2)
def _grid(depth: int) -> _Grid:
    w0, wa = (v.ravel() for v in np.meshgrid(W0, WA, indexing="ij"))
    line = np.log2(1 + (wa / w0)[:, None] * np.arange(depth))
    shape = (WM.size, w0.size, depth)
    levels, logs = np.empty(shape, np.int8), np.empty(shape, np.float32)
    for k, step in enumerate(np.log2(WM)):
        levels[k] = np.rint(line / step)
        logs[k] = (np.log2(w0) - _CENTRE)[:, None] + step * levels[k]
    skipped = np.zeros(shape, bool)
    np.logical_or.accumulate(levels[..., 1:] - levels[..., :-1] > 1, axis=2, out=skipped[..., 1:])
    stages = np.where(skipped, np.int8(0), levels + np.int8(1))
    flat = (-1, depth)
    return _Grid(logs.reshape(flat), np.cumsum(logs**2, axis=2).reshape(flat), stages.reshape(flat))


def _search(grid: _Grid, allowed: npt.NDArray[np.int64], targets: Floats) -> list[LinearFit]:
    """Best fits of networks of one depth and number of stages. targets: (networks, depth) log₂ widths.

    Σ(fit − target)² is expanded, so that one matrix product compares all networks with the grid; the
    candidates near the lowest sum are then worked out in double precision.
    """
    depth = targets.shape[1]
    sums = -2 * ((targets - _CENTRE).astype(np.float32) @ grid.logs[allowed, :depth].T)
    sums += grid.squares[allowed, depth - 1]
    near = sums <= sums.min(axis=1, keepdims=True) + np.float32(1e-4 * depth)  # float32 errs by less
    fits = []
    for row, target in zip(near, targets, strict=True):
        candidates = allowed[row]
        exact = _widths_log2(candidates, depth)
        errors = np.mean((exact - target) ** 2, axis=1)
        tied = np.flatnonzero(errors <= errors.min() + 1e-9)
        w0, wa, wm = _parameters(candidates[tied])
        lines = np.log2(w0[:, None] + wa[:, None] * np.arange(depth))
        i = int(np.argmin(np.mean((lines - target) ** 2, axis=1)))
        same = wa[(w0 == w0[i]) & (wm == wm[i])]
        error, predicted = float(errors[tied[i]]), 2 ** exact[tied[i]]
        fits.append(
            LinearFit(float(w0[i]), float(wa[i]), float(wm[i]), error, predicted, float(same.min()), float(same.max()))
        )
    return fits


def _parameters(index: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], Floats]:
    k, i, j = np.unravel_index(index, (WM.size, W0.size, WA.size))
    return W0[i], WA[j], WM[k]


def _widths_log2(index: npt.NDArray[np.int64], depth: int) -> Floats:
    """(candidates, depth) log₂ of the fits' widths in double precision."""
    w0, wa, wm = _parameters(index)
    level = np.round(np.log2(1 + (wa / w0)[:, None] * np.arange(depth)) / np.log2(wm)[:, None])
    return np.log2(w0)[:, None] + level * np.log2(wm)[:, None]

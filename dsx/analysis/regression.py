"""Straight-line fits of one column against another, plain or log–log, with intervals and checks.

RegNet §4 reads its complexity analysis off such fits: acts against √flops, params against flops, time
against acts and against flops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, Table, check_level, column, number_array
from dsx.results.states import finished

# values that differ by less than this share of the largest are equal: float64 resolves 2e-16, sums of them less
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class LineFit:
    """y = intercept + slope·x by least squares; with log, log y = intercept + slope·log x (natural).

    Intervals are Student's t, at `level`; robust ones hold where the spread changes along x or the truth bends
    (MacKinnon and White's HC3), and are conservative below some 16 pairs. r2: share of variance explained, on the
    fitted scale; NaN if y varies by no more than rounding, which `warnings` then says. residual_std: on that scale.
    covariance: (2, 2), of the line's height at the mean of x and of its slope, on the fitted scale.
    x, y: (n,) the pairs that took part; dropped: pairs left out (a value missing, or not above 0 when log).
    leverage: (n,) hat values, sum 2. cook: (n,) Cook's distances. curvature_pvalue: t test of an added square
    term; spread_pvalue: Breusch and Pagan's test that the residuals' spread changes with x, both NaN below
    4 pairs.
    """

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    r2: float
    residual_std: float
    n: int
    dropped: int
    log: bool
    robust: bool
    level: float
    covariance: Floats
    x: Floats
    y: Floats
    leverage: Floats
    cook: Floats
    curvature_pvalue: float
    spread_pvalue: float

    def predict(self, x: npt.ArrayLike) -> Floats:
        """y of the line at x, on the plain scale."""
        at = np.asarray(x, dtype=np.float64)
        line: Floats = (
            np.exp(self.intercept + self.slope * np.log(at)) if self.log else self.intercept + self.slope * at
        )
        return line

    def band(self, x: npt.ArrayLike) -> tuple[Floats, Floats]:
        """The interval of the line itself at each x, on the plain scale: (low, high)."""
        at = np.asarray(x, dtype=np.float64)
        u, points = (np.log(self.x), np.log(at)) if self.log else (self.x, at)
        line = self.intercept + self.slope * points
        reach = _reach(self.covariance, points - u.mean(), self.n, self.level)
        return (np.exp(line - reach), np.exp(line + reach)) if self.log else (line - reach, line + reach)

    def warnings(self) -> list[str]:
        """What speaks against reading the line at its word, in sentences; empty if nothing does."""
        doubts = []
        if math.isnan(self.r2):
            doubts.append("y does not vary beyond rounding: there is nothing to explain and R² is not defined.")
        if self.curvature_pvalue < 0.01:
            doubts.append(
                f"The residuals bend (p = {self.curvature_pvalue:.1g}): a straight line is not the whole story."
            )
        if self.spread_pvalue < 0.01:
            so = "" if self.robust else ": the intervals are rough"
            doubts.append(f"The spread changes along x (p = {self.spread_pvalue:.1g}){so}.")
        heavy = int((self.cook > 1).sum())
        if heavy:
            doubts.append(
                f"{heavy} of {self.n} models alone move the line by about its own uncertainty (Cook's distance > 1)."
            )
        return doubts


def fit_line(
    x: npt.ArrayLike, y: npt.ArrayLike, log: bool = False, level: float = 0.95, robust: bool = False
) -> LineFit:
    """Least-squares line of y on x, or of log y on log x, with intervals and checks.

    x, y: (n,) numbers; pairs with a NaN take no part, nor with log those not above 0. For y against √x
    pass np.sqrt(x). robust: for pairs that are a sample, such as models of a space, whose spread may change along x.
    Below 3 pairs, and where a robust line hangs on a single one, the intervals are NaN. Values that differ by rounding
    alone count as one.
    Raises DsxError if the lengths differ, or fewer than 2 pairs or only one value of x remain.
    """
    xs, ys = number_array(x, "x"), number_array(y, "y")
    check_level(level)
    if xs.size != ys.size:
        raise DsxError(f"x and y: {xs.size} and {ys.size} values: a fit needs pairs")
    kept = np.isfinite(xs) & np.isfinite(ys)
    if log:
        kept &= (xs > 0) & (ys > 0)
    given, xs, ys = xs.size, xs[kept], ys[kept]
    u, v = (np.log(xs), np.log(ys)) if log else (xs, ys)
    if xs.size < 2 or _constant(u, log):
        shortage = f"{xs.size} usable pairs" if xs.size < 2 else "a single value of x"
        raise DsxError(f"a line cannot be fitted through {shortage}: at least 2 pairs with different x are needed")
    n, centred = u.size, u - u.mean()
    flat = _constant(v, log)
    v = np.full(n, np.median(v)) if flat else v
    square = float(centred @ centred)
    slope = 0.0 if flat else float(centred @ v) / square
    intercept = float(v[0] if flat else v.mean() - slope * u.mean())
    residuals = v - intercept - slope * u
    leverage = 1 / n + centred**2 / square
    left = float(residuals @ residuals)
    variance = left / (n - 2) if n > 2 else math.nan
    plain = np.diag([variance / n, variance / square])
    covariance = _of_leaving_one_out(centred, residuals, leverage) if robust and n > 2 else plain
    slope_reach = _t(n, level) * math.sqrt(covariance[1, 1])
    intercept_reach = float(_reach(covariance, -u.mean(), n, level))
    total = float(((v - v.mean()) ** 2).sum())
    # all on the line: no residual to speak of
    exact = flat or not variance > (_ROUNDING * max(float(np.abs(v).max()), float(log))) ** 2
    cook = np.zeros(n) if exact else residuals**2 / (2 * variance) * leverage / np.maximum(1 - leverage, 1e-12) ** 2
    return LineFit(
        slope, slope - slope_reach, slope + slope_reach, intercept, intercept - intercept_reach,
        intercept + intercept_reach, math.nan if flat else 1 - left / total, math.sqrt(variance), n, given - n,
        log, robust, level, covariance, xs, ys, leverage, cook,
        math.nan if exact else _curvature_pvalue(centred / math.sqrt(square), residuals),
        math.nan if exact else _spread_pvalue(u, residuals),
    )  # fmt: skip


def fit_columns(table: Table, x: str, y: str, log: bool = False, level: float = 0.95) -> LineFit:
    """The robust `fit_line` of two columns of a results table over its finished models. `sqrt(flops)`: its root.

    Raises DsxError with a near miss if there is no such column.
    """
    rows = finished(table)
    return fit_line(expression(rows, x), expression(rows, y), log, level, robust=True)


def expression(table: Table, name: str) -> Floats:
    """A numeric column of a table, or the root of one when written `sqrt(name)`; NaN below 0."""
    if name.startswith("sqrt(") and name.endswith(")"):
        values = column(table, name[5:-1])
        return np.sqrt(np.where(values >= 0, values, np.nan))
    return column(table, name)


def _t(n: int, level: float) -> float:
    return float(students_reach(n - 2, level)) if n > 2 else math.nan


def _reach(covariance: Floats, off_mean: Floats | np.float64, n: int, level: float) -> Floats:
    """Half the interval of the line so far from the mean of x."""
    variance = covariance[0, 0] + 2 * off_mean * covariance[0, 1] + off_mean**2 * covariance[1, 1]
    reach: Floats = _t(n, level) * np.sqrt(np.maximum(variance, 0))  # where it vanishes, rounding may put it below
    return reach


def _of_leaving_one_out(centred: Floats, residuals: Floats, leverage: Floats) -> Floats:
    """HC3: the sum of squares of how far the line moves, height and slope, when each pair is left out.

    NaN where without one of the pairs there is no line: it hangs on that pair alone.
    """
    left_out = residuals / np.where(leverage < 1 - 1e-9, 1 - leverage, math.nan)
    moves = np.stack([left_out / centred.size, centred * left_out / float(centred @ centred)])
    covariance: Floats = moves @ moves.T
    return covariance


def _constant(values: Floats, log: bool) -> bool:
    """Whether values differ by rounding alone; logarithms also by that of what they were taken of."""
    return bool(np.ptp(values) <= _ROUNDING * max(float(np.abs(values).max()), float(log)))


def _curvature_pvalue(u: Floats, residuals: Floats) -> float:
    """t test of a square term added to the line; u centred."""
    from scipy.special import stdtr

    n = u.size
    if n < 4:
        return math.nan
    design = np.stack([np.ones(n), u, u**2], axis=1)
    square = design[:, 2] - design[:, :2] @ np.linalg.lstsq(design[:, :2], design[:, 2], rcond=None)[0]
    norm = float(square @ square)
    if norm < 1e-20:  # two values of x only
        return math.nan
    gain = float(square @ residuals) ** 2 / norm
    left = float(residuals @ residuals) - gain
    if left <= 0:
        return 0.0
    return float(2 * stdtr(n - 3, -math.sqrt(gain / (left / (n - 3)))))


def _spread_pvalue(u: Floats, residuals: Floats) -> float:
    """Breusch–Pagan in Koenker's form: n·R² of the squared residuals on x is χ² with 1 degree."""
    from scipy.special import chdtrc

    squared = residuals**2
    if u.size < 4 or np.ptp(squared) == 0:
        return math.nan
    return float(chdtrc(1, u.size * np.corrcoef(u, squared)[0, 1] ** 2))

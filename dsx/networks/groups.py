"""Group adjustment: widths that their bottleneck and groups divide (RegNet appendix D and the authors' code)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def adjust_groups(
    width: np.ndarray, bottleneck_ratio: np.ndarray, group_width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Widths and group widths made compatible; arrays of any one shape, widths and group widths ≥ 1.

    With m = 1/b and v = max(1, int(w·m)): g = min(g, v); v is rounded (half to even) to a multiple of g,
    for m > 1 of lcm(g, m), and at least to that multiple; w = int(v/m). Returns (width, group_width) as int64.
    Where neither b nor m is whole (b = 3/2), the authors' rule gives widths that b does not divide; there the
    multiple is lcm(g, q), q the denominator of b, which for whole b and m is the authors' rule.
    """
    ratio = np.asarray(bottleneck_ratio, dtype=np.float64)
    multiplier = 1.0 / ratio
    # the tolerance keeps products such as 49·(1/49) from falling below the whole number they stand for
    inner = np.maximum(1, np.floor(np.asarray(width) * multiplier + 1e-9)).astype(np.int64)
    group = np.minimum(np.asarray(group_width, dtype=np.int64), inner)
    unit = np.lcm(group, _denominator(ratio))
    inner = np.maximum(unit, np.rint(inner / unit).astype(np.int64) * unit)
    return np.floor(inner / multiplier + 1e-9).astype(np.int64), group


def _denominator(ratio: np.ndarray) -> np.ndarray:
    """The number that makes b times it whole: 1 for b = 3, 4 for b = 1/4, 2 for b = 3/2; at most 100."""
    inverse = np.rint(1.0 / ratio)
    result = np.where(np.abs(inverse * ratio - 1.0) < 1e-9, inverse, 1.0).astype(np.int64)
    fractional = (np.abs(ratio - np.rint(ratio)) > 1e-9) & (result == 1)
    if fractional.any():
        values, index = np.unique(ratio[fractional], return_inverse=True)
        result[fractional] = np.array([Fraction(b).limit_denominator(100).denominator for b in values])[index]
    return result

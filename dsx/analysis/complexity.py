"""Log–log lines through what networks cost: activations, parameters and times (RegNet Fig. 12)."""

from __future__ import annotations

import numpy as np

from dsx.analysis.regression import LineFit, fit_columns
from dsx.base.errors import DsxError
from dsx.results.arrays import Table, frame

# (y, x) of the paper's complexity analysis
PAIRS = (
    ("acts", "flops"), ("params", "flops"), ("seconds", "flops"), ("seconds", "acts"), ("inference_ms", "flops"),
    ("inference_ms", "acts"),
)  # fmt: skip


def complexity_fits(table: Table, level: float = 0.95) -> dict[tuple[str, str], LineFit]:
    """Log–log fits, (y, x) → line, of the paper's complexity analysis, as far as the columns vary (RegNet Fig. 12)."""
    fits = {}
    for y, x in PAIRS:
        try:
            fit = fit_columns(table, x, y, True, level)
        except DsxError:
            continue
        # fewer than 3 show no spread, and a constant varies but by rounding
        if fit.n >= 3 and 0 <= fit.r2 <= 1:
            fits[y, x] = fit
    return fits


def complexity_table(fits: dict[tuple[str, str], LineFit]) -> Table:
    """One row per fit of `complexity_fits`: y, x, n, exponent with interval, factor at x = 1, r2, warnings."""
    rows = [
        (y, x, f.n, f.slope, f.slope_low, f.slope_high, float(np.exp(f.intercept)), f.r2, " ".join(f.warnings()))
        for (y, x), f in fits.items()
    ]
    return frame(rows, ["y", "x", "n", "exponent", "low", "high", "factor", "r2", "warnings"])

"""Student's intervals: how far they reach."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from dsx.results.arrays import check_level


def students_reach(freedom: npt.ArrayLike, level: float) -> Any:
    """How many standard errors the two-sided interval of this level reaches to either side. Raises DsxError."""
    from scipy.special import stdtrit

    return stdtrit(freedom, (1 + check_level(level)) / 2)

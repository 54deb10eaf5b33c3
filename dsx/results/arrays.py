"""Columns of numbers as arrays, checked: lengths, shapes, shares and levels, with messages that say which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dsx.base.errors import DsxError, suggest

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import TypeIs

Floats: TypeAlias = npt.NDArray[np.float64]
# of results, or of what follows from them; pandas is loaded by who makes one
Table: TypeAlias = "pd.DataFrame"


def is_table(data: object) -> TypeIs[pd.DataFrame]:
    """True for a results DataFrame (pandas itself need not be loaded to ask)."""
    return hasattr(data, "columns") and hasattr(data, "iloc")


def number_array(values: npt.ArrayLike, name: str) -> Floats:
    """Any sequence of numbers as (n,) floats, NaN allowed. Raises DsxError if it is not one."""
    try:
        # a column of pandas may hold its own missing value, which numpy cannot read
        array = (
            values.to_numpy(np.float64, na_value=np.nan)
            if hasattr(values, "to_numpy")
            else np.asarray(values, np.float64)
        )
    except (TypeError, ValueError):
        raise DsxError(f"{name}: not numbers: expected a sequence of numbers or a results table") from None
    if array.ndim != 1:
        raise DsxError(f"{name}: shape {array.shape}: expected one dimension, one value per model")
    return array


def weight_array(weights: npt.ArrayLike, n: int) -> Floats:
    """Weights of n models, scaled to sum to 1. Raises DsxError unless they are n numbers ≥ 0, not all 0."""
    array = number_array(weights, "weights")
    if array.size != n:
        raise DsxError(f"weights: {array.size} weights for {n} models: give one per model")
    if not np.isfinite(array).all() or (array < 0).any() or array.sum() <= 0:
        raise DsxError("weights: weights are finite numbers ≥ 0, of which at least one is above 0")
    return array / array.sum()


def _is_number(value: object) -> bool:
    return isinstance(value, float | int | np.number)


def check_level(level: float) -> float:
    """A confidence level, above 0 and below 1. Raises DsxError otherwise."""
    if not (_is_number(level) and 0 < level < 1):
        raise DsxError(f"level = {level!r}: expected a share between 0 and 1, such as 0.95")
    return float(level)


def check_count(count: float, name: str, of: str = "") -> None:
    """Raises DsxError for a number below 1, or none. of: what it counts."""
    if not (_is_number(count) and 1 <= count < 2**31):
        raise DsxError(f"{name} = {count!r}: expected an integer ≥ 1{of and f', {of}'}")


def check_share(share: float, name: str) -> float:
    """A share, above 0 and at most 1. Raises DsxError otherwise."""
    if not (_is_number(share) and 0 < share <= 1):
        raise DsxError(f"{name} = {share!r}: expected a share above 0 and at most 1, such as 0.25")
    return float(share)


def frame(rows: Any, columns: Sequence[str]) -> pd.DataFrame:
    """A DataFrame with just these columns, in this order, also when there are no rows."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))


def column(table: pd.DataFrame, name: str) -> Floats:
    """One numeric column of a table, NaN allowed. Raises DsxError with a near miss if it has none of that name."""
    if name not in table.columns:
        known: Iterable[str] = (str(c) for c in table.columns)
        raise DsxError(f"results table: no column '{name}'.{suggest(name, known)}")
    return number_array(table[name], f"column {name}")

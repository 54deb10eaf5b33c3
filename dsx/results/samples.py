"""A population's errors on their way into statistics: read and checked once, here; what follows takes arrays.

One rule for all statistics: NaN is a model without an error. It takes no part, nor does what is paired with it, and a
warning (UserWarning) counts it. An infinite error is refused. A results table gives the errors of its finished models;
what became of the others its counts say, so nothing is warned of.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from dsx.base.errors import DsxError
from dsx.results.arrays import Floats, is_table, number_array, weight_array
from dsx.results.states import finished, finished_errors

if TYPE_CHECKING:
    import pandas as pd

Errors: TypeAlias = "npt.ArrayLike | pd.DataFrame | pd.Series[Any]"


def as_sample(errors: Errors, name: str = "errors") -> Floats:
    """Errors as (n,) finite floats in percent, n ≥ 1, in the order given.

    Raises DsxError if there is none, if it is not one-dimensional, or if a value is infinite.
    """
    values = _errors(errors, name)
    return values[_known(values, name)]


def samples_by_name(populations: Mapping[str, Errors]) -> dict[str, Floats]:
    """The errors of each population that has a finished model, as `as_sample` gives them; the others are left out."""
    given = {name: finished(data)["error"] if is_table(data) else data for name, data in populations.items()}
    return {name: as_sample(errors, name) for name, errors in given.items() if np.size(errors)}


def as_weighted(errors: Errors, weights: npt.ArrayLike | None) -> tuple[Floats, Floats | None]:
    """Errors as `as_sample` gives them, with their weights, which then sum to 1; None stays None.

    weights: (n,), one for each of the errors given, those without a value included. Raises DsxError.
    """
    values = _errors(errors, "errors")
    known = _known(values, "errors")
    if weights is None:
        return values[known], None
    scaled = weight_array(weights, values.size)
    return values[known], scaled if known.all() else weight_array(scaled[known], int(known.sum()))


def as_paired(errors: Errors, **columns: npt.ArrayLike) -> tuple[Floats, ...]:
    """Errors as `as_sample` gives them, then each of the columns for the same models, in the order given.

    columns: (n,) numbers each, which may be NaN. Raises DsxError if a length differs.
    """
    values = _errors(errors, "errors")
    arrays = {name: number_array(given, name) for name, given in columns.items()}
    for name, array in arrays.items():
        if array.size != values.size:
            raise DsxError(f"{name} and errors: {array.size} and {values.size} values: give one of each per model")
    known = _known(values, "errors")
    return (values[known], *(array[known] for array in arrays.values()))


def _errors(errors: Errors, name: str) -> Floats:
    return finished_errors(errors, name) if is_table(errors) else number_array(errors, name)


def _known(values: Floats, name: str) -> npt.NDArray[np.bool_]:
    """Which errors are there; warns of those that are not. Raises DsxError if none is, or one is infinite."""
    missing = np.isnan(values)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise DsxError(
            f"{name}: {infinite} of {values.size} values are infinite: errors are percent; a model that diverged counts"
            " with chance error, as in a results table"
        )
    if missing.all():
        shortage = f"{values.size} values, all NaN" if values.size else "no values"
        raise DsxError(f"{name}: {shortage}: a statistic needs at least one finished model")
    if missing.any():
        shortage = f"{int(missing.sum())} of {values.size} models have no error and are left out"
        warnings.warn(f"{name}: {shortage}", stacklevel=4)
    return ~missing

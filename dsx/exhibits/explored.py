"""Which columns of a results table are worth reading against the error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsx.analysis.best import parameter_columns

if TYPE_CHECKING:
    import pandas as pd

# derived from the networks, besides the space's own parameters
STRUCTURE = ("total_depth", "first_width", "last_width")
COMPLEXITY = ("flops", "params", "acts", "seconds", "inference_ms", "training_ms")


def explored_columns(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The networks' structure, then every parameter of any study."""
    names = {
        name: None
        for name in STRUCTURE
        if any(name in table.columns and table[name].notna().any() for table in tables.values())
    }
    for table in tables.values():
        names |= dict.fromkeys(name for name in parameter_columns(table) if name not in COMPLEXITY)
    return list(names)

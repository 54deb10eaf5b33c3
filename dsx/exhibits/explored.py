"""Which columns of a results table are worth reading against the error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsx.results.columns import COSTS, STRUCTURE, parameter_columns

if TYPE_CHECKING:
    import pandas as pd


def explored_columns(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The networks' structure, then every parameter of any study."""
    names = {
        name: None
        for name in STRUCTURE
        if any(name in table.columns and table[name].notna().any() for table in tables.values())
    }
    for table in tables.values():
        names |= dict.fromkeys(name for name in parameter_columns(table) if name not in COSTS)
    return list(names)


def charted_columns(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The explored columns, then every complexity and time that is known of some network."""
    costs = [name for name in COSTS if any(name in t.columns and t[name].notna().any() for t in tables.values())]
    return explored_columns(tables) + costs

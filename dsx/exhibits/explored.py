"""Which columns of a results table are worth reading against the error."""

from __future__ import annotations

from collections.abc import Mapping

from dsx.analysis.points import over_ranks, varied
from dsx.results.arrays import Table
from dsx.results.columns import COSTS, STRUCTURE, parameter_columns

# models by which columns are told to be alike, and the rank correlation from which they are
_COMPARED, _ALIKE = 2000, 0.98


def explored_columns(tables: Mapping[str, Table]) -> list[str]:
    """The networks' structure, then every parameter of any study."""
    names = {
        name: None
        for name in STRUCTURE
        if any(name in table.columns and table[name].notna().any() for table in tables.values())
    }
    for table in tables.values():
        names |= dict.fromkeys(name for name in parameter_columns(table) if name not in COSTS)
    return list(names)


def distinct_columns(models: Table) -> list[str]:
    """The explored columns that vary, without structure that says what a parameter says already.

    First and last width beside the widths of the stages, or w0; total depth beside the depth: their ranks agree.
    """
    names = varied(models, explored_columns({"": models}))
    agreement = over_ranks(models, _COMPARED)[names].corr("spearman", numeric_only=True)
    structure = agreement.index.isin(STRUCTURE)
    said = set(agreement.index[structure & (agreement.loc[:, ~structure] >= _ALIKE).any(axis=1)])
    # of structure that is alike, as first and last width where all widths are equal, the first says it
    kept: list[str] = []
    for name in agreement.index[structure]:
        if name in said:
            continue
        if (agreement.loc[name, kept] >= _ALIKE).any():
            said.add(name)
        else:
            kept.append(name)
    return [name for name in names if name not in said]


def charted_columns(tables: Mapping[str, Table]) -> list[str]:
    """The explored columns, then every complexity and time that is known of some network."""
    costs = [name for name in COSTS if any(name in t.columns and t[name].notna().any() for t in tables.values())]
    return explored_columns(tables) + costs

"""What the figures accept: named studies as results tables, error arrays or computed curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsx.base.errors import DsxError
from dsx.base.text import listed
from dsx.results.arrays import Floats, is_table
from dsx.results.samples import Errors, samples_by_name
from dsx.results.states import count_states, mixed_conditions


def named(data: Any, name: str = "models") -> dict[str, Any]:
    """`{name: data}` for one study, a plain dict for a mapping of several. Raises DsxError if it is empty."""
    studies = dict(data) if isinstance(data, Mapping) else {name: data}
    if not studies:
        raise DsxError("nothing to draw: give at least one study")
    return studies


def errors_by_name(studies: Mapping[str, Errors], required: bool = True) -> dict[str, Floats]:
    """(n,) errors of the studies that have finished models. Raises DsxError, with the counts, if one is required."""
    errors = samples_by_name(studies)
    if required and not errors:
        counts = "; ".join(counts_in_words(studies)) or "no errors given"
        raise DsxError(f"nothing to draw: no study has a finished model ({counts})")
    return errors


def counts_in_words(studies: Mapping[str, Any]) -> list[str]:
    """A line for each count of models by state, with the tables that have it, then warnings that concern several."""
    tables = {name: data for name, data in studies.items() if is_table(data)}
    counts: dict[str, list[str]] = {}
    for name, table in tables.items():
        counts.setdefault(count_states(table).words(), []).append(name)
    if len(counts) == 1 < len(tables):
        return [f"each: {next(iter(counts))}", *mixed_conditions(tables)]
    lines = [f"{listed(names)}: {words}".removeprefix(": ") for words, names in counts.items()]
    return lines + mixed_conditions(tables)

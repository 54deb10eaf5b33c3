"""What a space may be narrowed by: numbers of a network that a definition can put a bound on.

Parameters, their extremes and steps over the stages, and derived quantities: total depth, ratio of last to first
width, share of the flops that a stage takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dsx.analysis.scan import End
from dsx.spaces.acceptance import present_settings
from dsx.spaces.assembly import assemble, stage_columns
from dsx.spaces.conditional import Columns, settings_of
from dsx.spaces.definition import Space
from dsx.spaces.distributions import SameAs

Kind = Literal["range", "order", "derived", "stage"]


@dataclass(frozen=True)
class Quantity:
    """name: in words. ends: those that may be cut. values: settings and finished stages → (n,), NaN where absent.

    limited: whether models beyond a limit at the other end may be left aside when an end is judged. text: of an
    inequality, without its bound; empty where the bound is a field of a parameter. parameter: what it is of.
    """

    name: str
    kind: Kind
    parameter: str
    ends: tuple[End, ...]
    values: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    text: str = ""
    limited: bool = True
    rising: bool = True


def quantities(space: Space) -> list[Quantity]:
    """All quantities of a space: those that rules may bound, and single stages, which only explain others."""
    listed: list[Quantity] = []
    for name, parameter in space.parameters.items():
        if (
            isinstance(parameter, SameAs)
            or not _numeric(parameter)
            or (not parameter.continuous and len(parameter.values) < 2)
        ):
            continue
        if parameter.per == "network":
            listed.append(Quantity(name, "range", name, ("low", "high"), _whole(name)))
            continue
        listed.append(Quantity(f"lowest {name}", "range", name, ("low",), _extreme(name, np.nanmin), limited=False))
        listed.append(Quantity(f"highest {name}", "range", name, ("high",), _extreme(name, np.nanmax), limited=False))
        if name not in space.rules and space.max_stages > 1:
            listed += [
                Quantity(
                    f"{name} steps {direction}", "order", name, ("low",), _steps(name, up), limited=False, rising=up
                )
                for up, direction in ((True, "up"), (False, "down"))
            ]
        listed += [
            Quantity(f"{name} of stage {i + 1}", "stage", name, (), _stage(name, i)) for i in range(space.max_stages)
        ]
    return listed + _derived(space)


def _derived(space: Space) -> list[Quantity]:
    """Total depth, last width over first, and the stages' shares of flops; none of a user's networks."""
    if space.network is not None:
        return []
    both: tuple[End, ...] = ("low", "high")
    listed = []
    depth = space.parameters.get("depth")
    if depth is not None and depth.per == "stage":
        listed.append(
            Quantity("total depth", "derived", "depth", both, lambda v: v["total_depth"].astype(float), "total_depth")
        )
    if space.max_stages > 1:
        listed.append(
            Quantity("last width over first", "derived", "width", both, _ratio, "stage_width[-1] / stage_width[0]")
        )
        for i in range(space.max_stages):
            text = f"stage_flops[{i}] / sum(stage_flops)"
            listed.append(Quantity(f"share of flops of stage {i + 1}", "derived", "flops", both, _share(i), text))
    return listed


def quantity_table(space: Space, columns: Columns, listed: list[Quantity]) -> np.ndarray:
    """(n, quantities) values of models of the space, from the columns of their settings; NaN where there is none.

    columns: a mapping or a table that has them.
    """
    settings = settings_of(space, columns)
    n = len(next(iter(settings.values())))
    table = np.full((n, len(listed)), np.nan)
    for part in assemble(space, settings):
        values = present_settings(settings, part.rows) | stage_columns(part, ["stage_flops"])
        for k, quantity in enumerate(listed):
            table[part.rows, k] = quantity.values(values)
    return table


def _numeric(parameter: Any) -> bool:
    return parameter.continuous or parameter.values.dtype.kind in "if"


def _whole(name: str) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda v: v[name].astype(float)


def _extreme(name: str, reduce: Callable[..., np.ndarray]) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda v: reduce(v[name], axis=1)


def _stage(name: str, i: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda v: v[name][:, i]


def _steps(name: str, up: bool) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Share of the steps from stage to stage that go that way, or stay."""

    def share(v: Mapping[str, np.ndarray]) -> np.ndarray:
        steps = np.diff(v[name].astype(float), axis=1)
        known = np.isfinite(steps)
        with np.errstate(all="ignore"):
            return np.where(known, steps >= 0 if up else steps <= 0, False).sum(axis=1) / known.sum(axis=1)

    return share


def _ratio(v: Mapping[str, np.ndarray]) -> np.ndarray:
    width = v["stage_width"]
    last = np.isfinite(width).sum(axis=1) - 1
    return width[np.arange(len(width)), last] / width[:, 0]


def _share(i: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda v: v["stage_flops"][:, i] / np.nansum(v["stage_flops"], axis=1)

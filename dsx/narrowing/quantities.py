"""What a space may be narrowed by: numbers of a network that a definition can put a bound on.

Parameters, their extremes and steps over the stages, and derived quantities: total depth, ratio of last to first
width, share of the flops that a stage takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
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
        if isinstance(parameter, SameAs) or not _varies(parameter):
            continue
        if parameter.per == "network":
            listed.append(Quantity(name, "range", name, ("low", "high"), _of(name, np.asarray)))
            continue
        lowest, highest = (_of(name, partial(end, axis=1)) for end in (np.nanmin, np.nanmax))
        listed.append(Quantity(f"lowest {name}", "range", name, ("low",), lowest, limited=False))
        listed.append(Quantity(f"highest {name}", "range", name, ("high",), highest, limited=False))
        if name not in space.rules and space.max_stages > 1:
            for up, direction in ((True, "up"), (False, "down")):
                share = _of(name, partial(_share_of_steps, up=up))
                listed.append(
                    Quantity(f"{name} steps {direction}", "order", name, ("low",), share, limited=False, rising=up)
                )
        stages = [_of(name, itemgetter((slice(None), i))) for i in range(space.max_stages)]
        listed += [
            Quantity(f"{name} of stage {i}", "stage", name, (), of_stage) for i, of_stage in enumerate(stages, 1)
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


def _varies(parameter: Any) -> bool:
    """Whether it has several values, all of them numbers."""
    return parameter.continuous or (len(parameter.values) > 1 and parameter.values.dtype.kind in "if")


def _of(name: str, reduce: Callable[[np.ndarray], np.ndarray]) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """A number of a network from the values of a parameter, (n,) or (n, stages)."""
    return lambda v: reduce(v[name].astype(float))


def _share_of_steps(values: np.ndarray, up: bool) -> np.ndarray:
    """(n,) of the steps from stage to stage, how many go that way, or stay."""
    steps = np.diff(values, axis=1)
    known = np.isfinite(steps)
    with np.errstate(all="ignore"):
        return np.where(known, steps >= 0 if up else steps <= 0, False).sum(axis=1) / known.sum(axis=1)


def _ratio(v: Mapping[str, np.ndarray]) -> np.ndarray:
    width = v["stage_width"]
    last = np.isfinite(width).sum(axis=1) - 1
    return width[np.arange(len(width)), last] / width[:, 0]


def _share(i: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    return lambda v: v["stage_flops"][:, i] / np.nansum(v["stage_flops"], axis=1)

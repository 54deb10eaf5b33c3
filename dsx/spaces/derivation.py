"""How one model's setting became its stages: raw widths, quantised widths, widths after group adjustment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dsx.base.text import align
from dsx.networks.architecture import Architecture
from dsx.networks.layers import inner_width
from dsx.networks.regnet import block_levels
from dsx.spaces.conditional import settings_of
from dsx.spaces.definition import Space
from dsx.spaces.population import Model


def describe_derivation(space: Space, model: Model) -> str:
    """A table with one row for each stage: what was drawn or derived, and what group adjustment made of it.

    Empty for a user's network, which is built from the setting as it is.
    """
    if not isinstance(model.architecture, Architecture):
        return ""
    settings = settings_of(space, {name: [value] for name, value in model.setting.items()})
    stages = settings["stages"] if "stages" in settings else np.full(1, space.stages)
    shapes = space.family_rules.shape(settings, stages, space.max_stages, space.width_step)
    linear = _linear(settings) if space.family == "regnet" else None
    of_line = ["u (w0 + wa·j)", "w0·wm^k"] if linear else []
    rows = [["", "depth", *of_line, "width before", "width", "inner", "g drawn", "g"]]
    for i, stage in enumerate(model.architecture.stages):
        cells = [f"stage {i + 1}", str(stage.depth)]
        if linear is not None:
            u, levels, exact = linear
            of_stage = u[levels == i]
            first, last = of_stage[0], of_stage[-1]
            cells += [f"{first:.4g}" if first == last else f"{first:.4g}–{last:.4g}", f"{exact(i):.4g}"]
        inner = inner_width(stage.width, stage.bottleneck_ratio)
        drawn_groups = _drawn_groups(settings, i)
        group = "–" if stage.group_width is None else str(stage.group_width)
        rows.append([*cells, str(shapes.width[0, i]), str(stage.width), str(inner), drawn_groups, group])
    before = int((shapes.width[0] * shapes.depth[0]).sum())
    after = sum(model.architecture.block_widths)
    summary = (
        f"  {model.architecture.depth} blocks; widths of all blocks add up to {before:,} before group adjustment and"
        f" {after:,} after ({100 * (after - before) / before:+.1f} %)"
    )
    return f"{align(rows)}\n{summary}"


def _drawn_groups(settings: Mapping[str, np.ndarray], stage: int) -> str:
    for name, template in (("group_width", "{}"), ("groups", "{} groups")):
        if name in settings:
            values = np.broadcast_to(np.atleast_2d(settings[name]), (1, max(stage + 1, settings[name].shape[-1])))
            return template.format(values[0, stage])
    return "–"


def _linear(settings: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, Callable[[int], float]]:
    """u of every block, its level, and the exact width of a level. RegNet equations 2–4."""
    w0, wa, wm = (settings[name].astype(float) for name in ("w0", "wa", "wm"))
    depth = int(settings["depth"][0])
    levels = block_levels(w0, wa, wm, depth)[0]
    return w0[0] + wa[0] * np.arange(depth), levels, lambda level: float(w0[0] * wm[0] ** level)

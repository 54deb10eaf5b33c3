"""The step from AnyNet to RegNet: widths that follow a quantised line, its ranges taken from fits of good models.

RegNet §3.3: in spaces whose widths do not decrease, the good models' widths are near a line, quantised. The family
`regnet` holds the networks that lie on one, with three numbers (w0, wa, wm) and the depth for all stages.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from dsx.analysis.linear import linear_fits
from dsx.analysis.number_words import number
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.designing.refinement import Refinement
from dsx.narrowing.candidates import changed, stage_values, written
from dsx.narrowing.writing import difference
from dsx.results.arrays import Table
from dsx.spaces.cardinality import cardinality
from dsx.spaces.definition import Space
from dsx.spaces.orders import SYMBOLS, OrderRule
from dsx.spaces.sampling import draw_population

# the share of models that count as good, and the fewest fits that ranges are taken from
_GOOD, _LEAST = 0.25, 8
# the ranges hold so much of the fits, from the middle
_MIDDLE = 0.9
_TRIED = 8
_COMPARED = {order: symbol.replace("≤", "<=").replace("≥", ">=") for order, symbol in SYMBOLS.items()}


def quantised_line(space: Space, table: Table) -> Refinement | None:
    """The space of quantised lines; None where the widths are not ordered, or the good models' fits make no space.

    table: finished models of the space.
    """
    order = space.orders.get("width")
    if space.family != "anynet" or order is None or order.order not in ("non_decreasing", "increasing"):
        return None
    good = table.nsmallest(max(_LEAST, math.ceil(_GOOD * len(table))), "error")
    fits = [fit for fit in linear_fits(_block_widths(space, good)) if fit is not None]
    if len(fits) < _LEAST:
        return None
    lines = {
        "w0": np.array([fit.w0 for fit in fits]),
        "wa": np.array([(fit.wa_low + fit.wa_high) / 2 for fit in fits]),
        "wm": np.array([fit.wm for fit in fits]),
        "depth": stage_values(space, "depth", good).sum(axis=1),
    }
    change = _change(space, lines)
    try:
        narrower = changed(space, change)
        if len(draw_population(narrower, _TRIED, allow_short=True).population) < _TRIED:
            return None
    except DsxError:
        return None
    freedom = cardinality(space).degrees_of_freedom - cardinality(narrower).degrees_of_freedom
    e_fit = number(float(np.median([fit.error for fit in fits])), 2)
    ranges = ", ".join(
        f"{name} {parameter['low']:g} to {parameter['high']:g}"
        for name, parameter in change["parameters"].items()
        if name in lines and parameter is not None
    )
    evidence = f"the best {plural(len(fits), 'model')} lie near a quantised line (median e_fit {e_fit}): {ranges}."
    return Refinement(
        "widths follow a quantised line", "line", change, evidence, False, simpler=freedom > 0, freedom=freedom
    )


def _block_widths(space: Space, table: Table) -> list[np.ndarray]:
    widths, depths = (stage_values(space, name, table) for name in ("width", "depth"))
    return [np.repeat(w[np.isfinite(d)], d[np.isfinite(d)].astype(int)) for w, d in zip(widths, depths, strict=True)]


def _change(space: Space, lines: dict[str, np.ndarray]) -> dict[str, Any]:
    """What of the definition changes: family, parameters, and the rules in terms of the finished stages."""
    step = space.width_step
    before = written(space)
    after = {key: value for key, value in before.items() if key not in ("parameters", "rules", "family")}
    ends = {name: np.quantile(values, [(1 - _MIDDLE) / 2, (1 + _MIDDLE) / 2]) for name, values in lines.items()}
    w0_low = max(step, math.floor(ends["w0"][0] / step) * step)
    parameters = {
        "depth": _range("uniform", math.floor(ends["depth"][0]), math.ceil(ends["depth"][1]), 1),
        "w0": _range("log_uniform", w0_low, max(w0_low, math.ceil(ends["w0"][1] / step) * step), step),
        "wa": _range("log_uniform", max(1.0, round(ends["wa"][0], 1)), max(1.1, round(ends["wa"][1], 1)), 0.1),
        "wm": _range("log_uniform", max(1.1, round(ends["wm"][0], 1)), max(1.2, round(ends["wm"][1], 1)), 0.001),
    }
    others = {k: v for k, v in before["parameters"].items() if k not in ("depth", "width")}
    rules = _rules(space)
    after |= {"family": "regnet", "parameters": parameters | others, "rules": rules}
    return difference(before, after)


def _range(distribution: str, low: float, high: float, step: float) -> dict[str, object]:
    return {"distribution": distribution, "low": low, "high": high, "step": step, "per": "network"}


def _rules(space: Space) -> dict[str, object]:
    """Rules that hold on: widths and depths are now those of the finished stages, and widths rise of themselves."""
    rules: dict[str, object] = {"widest": f"max(stage_width) <= {int(space.parameters['width'].values.max())}"}
    for name, rule in space.rules.items():
        if not isinstance(rule, OrderRule):
            text = re.sub(r"\bsum\(depth\)", "total_depth", rule.text)
            rules[name] = re.sub(r"\b(depth|width)\b", r"stage_\1", text)
        elif name == "depth" and rule.order != "equal":
            rules |= {
                f"depth_{i + 1}_{i + 2}": f"stage_depth[{i}] {_COMPARED[rule.order]} stage_depth[{i + 1}]"
                for i in range(rule.length(space.max_stages) - 1)
            }
        elif name not in ("width", "depth"):
            rules[name] = {"order": rule.order, "except_last": rule.except_last}
    return rules

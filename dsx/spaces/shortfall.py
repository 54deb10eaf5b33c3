"""Why a sample fell short, in one line: the space is used up, or the rule or constraint that binds and its remedy."""

from __future__ import annotations

import math

import numpy as np

from dsx.base.units import format_number, format_percent, format_range
from dsx.spaces.definition import Space
from dsx.spaces.tally import Tally


def shortfall(space: Space, tally: Tally, n: int) -> str:
    """Why fewer than n models were found, in one line, and what would help."""
    distinct = len(tally.seen)
    advice = f"ask for {distinct:,}, pass --allow-short, or widen the constraints"
    if tally.holds is not None:
        advice = advice.replace(f"{distinct:,}", f"{tally.holds:,}") if tally.holds else "widen the constraints"
        return (
            f"{space.name}: {n:,} models asked for, and the space holds exactly {tally.holds:,} distinct ones"
            f" under its rules and constraints; {advice}"
        )
    head = f"{space.name}: {distinct:,} of {n:,} distinct models found"
    if tally.exhausted():
        return (
            f"{head}, and the space very likely holds no more under these constraints (each of them was drawn at"
            f" least three times in {tally.accepted:,} draws); {advice}"
        )
    rate = f"{format_percent(tally.acceptance)} % of {tally.candidates:,} candidates accepted"
    repeats = 1 - distinct / tally.accepted if tally.accepted else 0.0
    if repeats > 0.3:
        # Chao's lower bound from the models drawn once and twice
        total = distinct + tally.once**2 / (2 * max(tally.twice, 1))
        return (
            f"{head}, {rate}, {100 * repeats:.0f} % of those repeats: the space is nearly exhausted under these"
            f" constraints (it holds about {_outward(total, 1):,.0f}); {advice.replace(f'{distinct:,}', 'fewer')}"
        )
    binding = tally.binding()
    share = tally.rates()[binding]
    what = f"{binding} {space.constraints[binding].text}" if binding in space.constraints else binding
    return (
        f"{head}, {rate}; {what} binds ({format_percent(share)} % pass it alone){_remedy(space, tally, binding, n)};"
        " or pass --allow-short"
    )


def _remedy(space: Space, tally: Tally, name: str, n: int) -> str:
    """The window that would do, or an advice in words."""
    if name == "resolution":
        return f": strides use up images of {space.input_in_words} before the last stage; take larger ones"
    values = np.concatenate(tally.otherwise[name]) if tally.otherwise.get(name) else np.empty(0)
    if len(values) == 0:
        return f"; loosen {name}"
    window = space.windows[name]
    low, high = window.low, window.high
    floor = max(low, 1.0)
    with np.errstate(divide="ignore"):
        factor = np.maximum(np.maximum(floor / np.maximum(values, 1), values / high), 1.0)
    # twice the wanted number within PATIENCE-like effort: n per million candidates at the least
    wanted = max(1, min(len(values), round(2 * n * len(values) / max(tally.candidates, 1_000_000))))
    widen = float(np.partition(factor, wanted - 1)[wanted - 1])
    if not np.isfinite(widen) or widen <= 1:
        return f"; loosen {name}"
    enough = format_range(_outward(floor / widen, -1) if low >= widen else 0, _outward(high * widen, 1))
    smallest, largest = format_number(float(values.min())), format_number(float(values.max()))
    return f": the candidates' {name} run from {smallest} to {largest}; about {enough} would do"


def _outward(value: float, direction: int) -> float:
    """Three significant digits, rounded down (−1) or up (+1)."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return (math.floor(value / unit) if direction < 0 else math.ceil(value / unit)) * unit

"""Narrowing a space: what holds among its best models, as suggestions with their evidence, and the space they make.

RegNet §3.2 and §3.3 go from AnyNetXA to RegNetX by eye: ranges that the best models share, orders of widths and
depths, one value for all stages where that costs nothing. Here each such step is a `Suggestion`. Looking at many
things finds something by chance, so p-values are corrected for all looks together (Holm), and a range is judged on
models that had no part in choosing it. A suggestion is still a guess from the models that it was made with: whether
the narrower space is better is tested by sampling from it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from dsx.analysis.best import best_range
from dsx.analysis.comparison import holm
from dsx.analysis.regression import fit_line
from dsx.analysis.trends import rank_correlation
from dsx.analysis.words import number
from dsx.base.errors import DsxError, suggest
from dsx.base.text import plural
from dsx.results.columns import of_stage
from dsx.results.samples import Floats, check_level, column
from dsx.results.states import finished

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["range", "order", "sharing"]
# fewer models than this show nothing that could be trusted
LEAST = 12
# sharing may cost at most this share of the errors' standard deviation: an effect too small to see in a curve
MARGIN = 0.25
_ORDERS: tuple[tuple[Literal["non_decreasing", "non_increasing"], str], ...] = (
    ("non_decreasing", "never decrease"),
    ("non_increasing", "never increase"),
)


class DesignSpace(Protocol):
    """What is asked of a space (`dsx.load_space`): its parameters with their values, and rules by parameter.

    A parameter has per (`network` or `stage`), continuous, values (those allowed, ascending) and, if it is a range,
    low and high.
    """

    @property
    def name(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...

    @property
    def rules(self) -> Container[str]: ...


@dataclass(frozen=True)
class Suggestion:
    """One way to narrow a space, and what speaks for it.

    change: what the new definition says, to be merged over the old. words: the change, evidence: what the models
    show, both in a sentence. pvalue: of the look, not corrected; NaN for sharing, which is judged by its cost.
    supported: whether the evidence holds after correction for all looks.
    """

    parameter: str
    kind: Kind
    change: dict[str, Any]
    words: str
    evidence: str
    pvalue: float
    supported: bool = False


def suggestions(
    space: DesignSpace,
    table: pd.DataFrame,
    parameters: Sequence[str] | None = None,
    fraction: float = 0.25,
    level: float = 0.95,
) -> list[Suggestion]:
    """Every way in which the space might be narrowed by these results, the supported ones first.

    table: results of a population of that space. parameters: those to look at; by default all that are sampled.
    Raises DsxError if a parameter is unknown or fewer than 12 models have finished.
    """
    check_level(level)
    rows = finished(table)
    if len(rows) < LEAST:
        raise DsxError(f"narrow: {len(rows)} finished models: at least {LEAST} are needed to see what the best share")
    names = [name for name, p in space.parameters.items() if p.continuous or len(p.values) > 1]
    for name in parameters or ():
        if name not in names:
            known = f"{suggest(name, names)} Known: {', '.join(names)}"
            raise DsxError(f"narrow: '{name}' is no sampled parameter of {space.name}.{known}")
    found: list[Suggestion] = []
    for name in parameters or names:
        if space.parameters[name].per == "stage":
            found += _orders(space, name, rows, level) + _sharing(space, name, rows, level)
        found += _range(space, name, rows, fraction, level)
    return _judged(found, level)


def _judged(found: list[Suggestion], level: float) -> list[Suggestion]:
    """Holm's correction over all tests of this narrowing; supported ones first, then in the order of looking."""
    tested = [s for s in found if not math.isnan(s.pvalue)]
    corrected = dict(zip(map(id, tested), holm([s.pvalue for s in tested]), strict=True))
    judged = []
    for s in found:
        if id(s) in corrected:
            p = float(corrected[id(s)])
            told = f"{s.evidence} (p = {p:.2g} after correction for {plural(len(tested), 'look')})."
            s = replace(s, supported=s.supported and p <= 1 - level, evidence=told)
        judged.append(s)
    return sorted(judged, key=lambda s: not s.supported)


def _range(space: DesignSpace, name: str, rows: pd.DataFrame, fraction: float, level: float) -> list[Suggestion]:
    """The best range of a numeric parameter, if it is narrower than the space's own; of all stages together."""
    parameter = space.parameters[name]
    values = _columns(name, rows)
    if values is None or not hasattr(parameter, "low"):
        return []
    errors = rows["error"].to_numpy(float)
    low, high = _ends(values, errors, fraction, level)
    own = float(parameter.low), float(parameter.high)
    allowed = parameter.values
    if not parameter.continuous:
        reached = allowed[(allowed >= low) & (allowed <= high)]
        own, low, high = (float(allowed[0]), float(allowed[-1])), float(reached[0]), float(reached[-1])
    if low <= own[0] and high >= own[1]:
        return []
    inside = _cross_fitted(values, errors, fraction, level)
    found = rank_correlation(inside, errors, level)
    share, supported = float(inside.mean()), found["correlation"] < 0
    means = _means(errors, inside > 0, "inside", "outside")
    whole = _same_type(parameter.low, low), _same_type(parameter.high, high)
    change: dict[str, Any] = {"low": whole[0], "high": whole[1]}
    words = f"{name}: {whole[0]:g} to {whole[1]:g} instead of {parameter.low:g} to {parameter.high:g}"
    if low == high:
        change = {"distribution": "fixed", "value": whole[0], "per": parameter.per}
        words = f"{name}: always {whole[0]:g}"
    evidence = (
        f"the best models lie there; of the models that had no part in choosing such a range, "
        f"{100 * share:.0f} % fall inside it: {means}"
    )
    pvalue = found["pvalue"] if math.isfinite(found["pvalue"]) else 1.0
    return [Suggestion(name, "range", {"parameters": {name: change}}, words, evidence, pvalue, supported)]


def _ends(values: Floats, errors: Floats, fraction: float, level: float) -> tuple[float, float]:
    """The lowest and the highest end of the best ranges of all columns. values: (n, stages)."""
    ranges = [best_range(stage, errors, fraction, level) for stage in values.T if np.isfinite(stage).any()]
    return min(r[0] for r in ranges), max(r[2] for r in ranges)


def _cross_fitted(values: Floats, errors: Floats, fraction: float, level: float) -> Floats:
    """1 where a model lies inside the range that the other half of the models chose: (n,).

    Halves are every other model of the table, whose order is that of the draw and so says nothing of the errors.
    """
    inside = np.zeros(errors.size)
    for half in (0, 1):
        judged = np.arange(errors.size) % 2 == half
        low, high = _ends(values[~judged], errors[~judged], fraction, level)
        known = values[judged]
        inside[judged] = np.all(((known >= low) & (known <= high)) | np.isnan(known), axis=1)
    return inside


def _orders(space: DesignSpace, name: str, rows: pd.DataFrame, level: float) -> list[Suggestion]:
    """Whether values that never decrease (or never increase) over the stages go with a lower error."""
    values = _columns(name, rows)
    if values is None or name in space.rules:
        return []
    errors = rows["error"].to_numpy(float)
    steps = np.diff(values, axis=1)
    count = np.isfinite(steps).sum(axis=1)
    found = []
    for order, words in _ORDERS:
        kept = steps >= 0 if order == "non_decreasing" else steps <= 0
        ordered = np.where(count > 0, (kept & np.isfinite(steps)).sum(axis=1) / np.maximum(count, 1), np.nan)
        result = rank_correlation(ordered, errors, level)
        interval = f"{number(result['low'], 2)} to {number(result['high'], 2)}"
        evidence = (
            f"rank correlation of the share of steps in this order with the error {number(result['correlation'], 2)} "
            f"({interval}), below 0 if it helps; {_means(errors, ordered == 1, 'in order', 'not in order')}"
        )
        told, helps = f"{name}: values {words} from stage to stage", bool(result["correlation"] < 0)
        pvalue = result["pvalue"] if math.isfinite(result["pvalue"]) else 1.0
        found.append(Suggestion(name, "order", {"rules": {name: order}}, told, evidence, pvalue, helps))
    return found


def _sharing(space: DesignSpace, name: str, rows: pd.DataFrame, level: float) -> list[Suggestion]:
    """Whether one value for all stages would cost anything, by a line of error against the number of values."""
    values = _columns(name, rows)
    if values is None or name in space.rules:
        return []
    errors = rows["error"].to_numpy(float)
    distinct = np.array([np.unique(row[np.isfinite(row)]).size for row in values], dtype=float)
    try:
        fit = fit_line(distinct, errors, level=level)
    except DsxError:
        return []
    # all stages alike, against the models as they are
    step = 1 - float(distinct.mean())
    cost, ends = fit.slope * step, sorted((fit.slope_low * step, fit.slope_high * step))
    margin = MARGIN * float(errors.std(ddof=1))
    evidence = (
        f"by a line over the number of different values, one value would change the mean error by {number(cost, 2)} "
        f"points ({100 * level:g} % interval {number(ends[0], 2)} to {number(ends[1], 2)}); counted as costing nothing "
        f"if surely below {number(margin, 2)}, a quarter of the errors' standard deviation."
    )
    words = f"{name}: one value for all stages"
    change = {"parameters": {name: {"per": "network"}}}
    return [Suggestion(name, "sharing", change, words, evidence, math.nan, bool(ends[1] < margin))]


def chosen(found: Sequence[Suggestion]) -> list[Suggestion]:
    """The supported suggestions that can hold together.

    A parameter gets one of an order and one value for all stages, the order first as it was shown to help;
    one that is fixed gets neither.
    """
    priority = {"range": 0, "order": 1, "sharing": 2}
    taken: list[Suggestion] = []
    for s in sorted((s for s in found if s.supported), key=lambda s: (priority[s.kind], _known(s.pvalue))):
        others = [t for t in taken if t.parameter == s.parameter and (t.kind != "range" or is_fixed(t))]
        if s.kind == "range" or not others:
            taken.append(s)
    return [s for s in found if s in taken]


def is_fixed(suggestion: Suggestion) -> bool:
    """Whether it leaves the parameter a single value."""
    change = suggestion.change.get("parameters", {}).get(suggestion.parameter, {})
    return bool(change.get("distribution") == "fixed")


def _known(pvalue: float) -> float:
    return 1.0 if math.isnan(pvalue) else pvalue


def _columns(name: str, rows: pd.DataFrame) -> Floats | None:
    """(n, stages) values of a parameter, one column if it has one value; None if it holds no numbers."""
    names = [c for c in map(str, rows.columns) if c == name or (of_stage(c) or ("", 0))[0] == name]
    if not names or any(rows[c].dtype.kind not in "iuf" for c in names):
        return None
    return np.stack([column(rows, c) for c in names], axis=1)


def _means(errors: Floats, where: np.ndarray[Any, np.dtype[np.bool_]], yes: str, no: str) -> str:
    """`9 models in order: mean error 2.1 %; 51 not in order: 3.2 %`."""
    parts = [
        f"{int(side.sum())} models {name}"
        + (f": mean error {number(float(errors[side].mean()), 2)} %" if side.any() else "")
        for side, name in ((where, yes), (~where, no))
    ]
    return "; ".join(parts)


def _same_type(like: Any, value: float) -> int | float:
    """The value as an integer where the definition holds integers."""
    return int(value) if float(value).is_integer() and isinstance(like, int) else float(f"{value:.6g}")

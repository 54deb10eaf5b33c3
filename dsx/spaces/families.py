"""How a setting becomes stages: AnyNet says each stage's depth and width, RegNet derives them.

A family is a function from parameter columns to stage widths and depths, and the rules of its own
parameters. Everything else (bottlenecks, groups, squeeze-and-excitation, strides, stem, head) is
shared by all families. A user's file may hold further ones (`dsx.spaces.plugins`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dsx.networks.regnet import quantize_widths_table


@dataclass(frozen=True)
class ParameterRule:
    """What values a parameter may take. per_stage: whether it may vary by stage. required: has no default."""

    integer: bool = False
    low: float = 0.0
    low_open: bool = False
    high: float = float("inf")
    per_stage: bool = True
    required: bool = False
    text: bool = False
    free: bool = False  # numbers and texts of any kind: what they mean is the user's affair

    def words(self) -> str:
        bound = f" {'>' if self.low_open else '≥'} {self.low:g}" + (
            f" and ≤ {self.high:g}" if np.isfinite(self.high) else ""
        )
        return ("expected integers" if self.integer else "expected numbers") + bound

    def accepts(self, values: np.ndarray) -> bool:
        if self.free:
            return True
        if self.text:
            return values.dtype.kind == "U"
        if values.dtype.kind not in "if" or (self.integer and (values != np.rint(values)).any()):
            return False
        above = values > self.low if self.low_open else values >= self.low
        return bool(above.all() and (values <= self.high).all())


@dataclass(frozen=True)
class StageShapes:
    """Raw widths and depths (n, stages) int64, depth 0 where a network lacks the stage; valid: (n,) bool."""

    width: np.ndarray
    depth: np.ndarray
    valid: np.ndarray


# (parameter columns, stages (n,), most stages, width step) → StageShapes
ShapeFunction = Callable[[Mapping[str, np.ndarray], np.ndarray, int, int], StageShapes]


@dataclass(frozen=True)
class Family:
    """parameters: those of this family's own. shape: columns (n,) or (n, stages) of them → StageShapes."""

    parameters: Mapping[str, ParameterRule]
    shape: ShapeFunction
    invalid: str = "setting is no network of this family"


def _anynet(columns: Mapping[str, np.ndarray], stages: np.ndarray, most: int, _width_step: int) -> StageShapes:
    present = np.arange(most) < stages[:, None]
    width, depth = (
        np.where(present, _by_stage(columns[name], most), 0).astype(np.int64) for name in ("width", "depth")
    )
    return StageShapes(np.maximum(width, 1), depth, np.ones(len(stages), dtype=bool))


def _regnet(columns: Mapping[str, np.ndarray], stages: np.ndarray, most: int, width_step: int) -> StageShapes:
    w0, wa, wm = (columns[name].astype(float) for name in ("w0", "wa", "wm"))
    return StageShapes(*quantize_widths_table(w0, wa, wm, columns["depth"], stages, most, width_step))


def _by_stage(column: np.ndarray, most: int) -> np.ndarray:
    return column if column.ndim == 2 else np.repeat(column[:, None], most, axis=1)


FAMILIES: dict[str, Family] = {
    "anynet": Family(
        parameters={
            "depth": ParameterRule(integer=True, low=1, required=True),
            "width": ParameterRule(integer=True, low=1, required=True),
        },
        shape=_anynet,
    ),
    "regnet": Family(
        parameters={
            "depth": ParameterRule(integer=True, low=1, per_stage=False, required=True),
            "w0": ParameterRule(low=0, low_open=True, per_stage=False, required=True),
            "wa": ParameterRule(low=0, per_stage=False, required=True),
            "wm": ParameterRule(low=1, low_open=True, per_stage=False, required=True),
        },
        shape=_regnet,
        invalid="another number of stages, a skipped level, or two stages of one width",
    ),
}

# parameters that every family has
COMMON: dict[str, ParameterRule] = {
    "bottleneck_ratio": ParameterRule(low=0, low_open=True),
    "group_width": ParameterRule(integer=True, low=1),
    "groups": ParameterRule(integer=True, low=1),
    "se_ratio": ParameterRule(low=0, high=1),
    "stride": ParameterRule(integer=True, low=1),
    "stages": ParameterRule(integer=True, low=1, high=64, per_stage=False),
    "stem_width": ParameterRule(integer=True, low=1, per_stage=False),
    "head_width": ParameterRule(integer=True, low=0, per_stage=False),
    "resolution": ParameterRule(integer=True, low=1, per_stage=False),
    "stem_type": ParameterRule(text=True, per_stage=False),
    "block": ParameterRule(text=True, per_stage=False),
    "activation": ParameterRule(text=True, per_stage=False),
}

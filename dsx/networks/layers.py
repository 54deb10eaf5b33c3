"""Which convolutions every stem and block is made of, said once.

Complexity is counted from these lists, one network at a time or over arrays of thousands, and
the torch modules have the same convs under the same names. Every size may therefore be a Python
integer or an integer array; nothing here branches on a value.

Shapes: h is the height (= width) of a square feature map; a conv of stride s maps h to (h−1)//s+1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Size = Any  # int, or an int64 array with one entry per network


@dataclass(frozen=True)
class Conv:
    """One convolution. `groups`: number of groups. `norm`: followed by batch norm (2 parameters per channel).

    pooled: works on the 1×1 map after global pooling. present: 0 where this network lacks the layer.
    stride: of this conv alone; `height` says at which of the block's two resolutions it works
    ("out": after the block's stride, "in": before it).
    """

    name: str
    kernel: int
    w_in: Size
    w_out: Size
    groups: Size = 1
    bias: bool = False
    norm: bool = True
    height: str = "out"
    present: Size = 1
    stride: Size = 1


@dataclass(frozen=True)
class Pool:
    """A max-pool that the authors count by its output elements; no flops, no parameters."""

    name: str
    kernel: int
    width: Size
    stride: int


@dataclass(frozen=True)
class Block:
    """What a block is: which stage fields it uses, and its convs.

    convs(w_in, w, inner, groups, stride, squeeze) → list of Conv, where inner is width / b, groups the
    number of groups of the 3×3 conv and squeeze the squeeze width (0: none).
    module(stage, w_in, stride, parts) → torch module, for a user's block: `parts` makes convs, norms and
    activations. Without it the convs are chained, with a shortcut if one of them is named `proj`.
    """

    convs: Callable[[Size, Size, Size, Size, Size, Size], list[Conv]]
    grouped: bool = False
    bottleneck: bool = False
    squeeze: bool = False
    module: Callable[..., Any] | None = None


@dataclass(frozen=True)
class StemKind:
    """A stem's convs and pools in order: layers(w_in, w) → list of Conv or Pool; total_stride of all."""

    layers: Callable[[Size, Size], list[Conv | Pool]]
    total_stride: int


def inner_width(width: Size, bottleneck_ratio: Size) -> Size:
    """Width of the 3×3 conv inside a bottleneck: width / b, a whole number for valid stages."""
    if isinstance(width, np.ndarray):
        return np.rint(width / bottleneck_ratio).astype(np.int64)
    return round(width / bottleneck_ratio)


def squeeze_width(w_in: Size, se_ratio: Size) -> Size:
    """Squeeze-and-excitation's inner width: the share of the block's *input* width, half to even, at least 1.

    0 where the share is 0: no squeeze-and-excitation.
    """
    if isinstance(w_in, np.ndarray):
        return np.where(se_ratio > 0, np.maximum(1, np.rint(w_in * se_ratio)), 0).astype(np.int64)
    return max(1, round(w_in * se_ratio)) if se_ratio > 0 else 0


def _different(a: Size, b: Size, stride: Size) -> Size:
    """1 where a shortcut needs a projection: the width changes or the stride is not 1."""
    changed = np.logical_or(np.not_equal(a, b), np.not_equal(stride, 1))
    return changed.astype(np.int64) if isinstance(changed, np.ndarray) else int(changed)


def _projection(w_in: Size, w: Size, stride: Size) -> Conv:
    return Conv("proj", 1, w_in, w, stride=stride, present=_different(w_in, w, stride))


def _squeeze_excite(width: Size, squeeze: Size) -> list[Conv]:
    used = (squeeze > 0).astype(np.int64) if isinstance(squeeze, np.ndarray) else int(squeeze > 0)
    return [
        Conv("se.reduce", 1, width, squeeze, bias=True, norm=False, height="pooled", present=used),
        Conv("se.expand", 1, squeeze, width, bias=True, norm=False, height="pooled", present=used),
    ]


def _x(w_in: Size, w: Size, inner: Size, groups: Size, stride: Size, squeeze: Size) -> list[Conv]:
    return [
        _projection(w_in, w, stride),
        Conv("a", 1, w_in, inner, height="in"),
        Conv("b", 3, inner, inner, groups=groups, stride=stride),
        *_squeeze_excite(inner, squeeze),
        Conv("c", 1, inner, w),
    ]


def _linear_bottleneck(w_in: Size, w: Size, inner: Size, groups: Size, stride: Size, squeeze: Size) -> list[Conv]:
    return _x(w_in, w, inner, groups, stride, squeeze)[1:]  # identity shortcut or none, never a projection


def _v(w_in: Size, w: Size, _inner: Size, _groups: Size, stride: Size, _squeeze: Size) -> list[Conv]:
    return [Conv("a", 3, w_in, w, stride=stride)]


def _vr(w_in: Size, w: Size, _inner: Size, _groups: Size, stride: Size, _squeeze: Size) -> list[Conv]:
    return [_projection(w_in, w, stride), Conv("a", 3, w_in, w, stride=stride)]


def _vanilla(w_in: Size, w: Size, _inner: Size, _groups: Size, stride: Size, _squeeze: Size) -> list[Conv]:
    return [Conv("a", 3, w_in, w, stride=stride), Conv("b", 3, w, w)]


def _basic(w_in: Size, w: Size, inner: Size, groups: Size, stride: Size, squeeze: Size) -> list[Conv]:
    return [_projection(w_in, w, stride), *_vanilla(w_in, w, inner, groups, stride, squeeze)]


class _Blocks(dict[str, Block]):
    """The blocks of dsx by name; a user's own are found too (as `name@version`) and not listed."""

    def __missing__(self, name: str) -> Block:
        return USER_BLOCKS[name]


# `name@version` → block, from the files that `dsx.spaces.plugins` has read in this process
USER_BLOCKS: dict[str, Block] = {}

# RegNet §3.2, §4 (x, r, v, vr); NDS §3 (vanilla, basic); linear_bottleneck as in MobileNetV2
BLOCKS: dict[str, Block] = _Blocks({
    "x": Block(_x, grouped=True, bottleneck=True, squeeze=True),
    "r": Block(_x, bottleneck=True, squeeze=True),
    "v": Block(_v),
    "vr": Block(_vr),
    "vanilla": Block(_vanilla),
    "basic": Block(_basic),
    "linear_bottleneck": Block(_linear_bottleneck, grouped=True, bottleneck=True, squeeze=True),
})  # fmt: skip

STEMS: dict[str, StemKind] = {
    "simple": StemKind(lambda w_in, w: [Conv("stem.conv", 3, w_in, w, stride=2)], 2),
    "resnet": StemKind(lambda w_in, w: [Conv("stem.conv", 7, w_in, w, stride=2), Pool("stem.pool", 3, w, 2)], 4),
    "cifar": StemKind(lambda w_in, w: [Conv("stem.conv", 3, w_in, w)], 1),
}

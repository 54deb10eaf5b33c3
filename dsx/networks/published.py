"""Networks of the literature as architectures, with the complexity and error that were published for them.

RegNets are given by their quantised-linear parameters and group width, as their authors give them;
the others by stage depths. All are ImageNet networks at 224 except the two CIFAR ResNets (32, 10 classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dsx.base.errors import DefinitionError, unknown
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.cost import Complexity
from dsx.networks.groups import adjust_groups
from dsx.networks.regnet import quantize_widths

# name: depth, w0, wa, wm, group width; flops, params, acts (exact, from the authors' code);
# top-1 error in percent on ImageNet (RegNet, tables of its appendix: mean of 5 runs of 100 epochs)
_REGNETS: dict[str, tuple[int, int, float, float, int, int, int, int, float]] = {
    "RegNetX-200MF": (13, 24, 36.44, 2.49, 8, 199040872, 2684792, 2164056, 31.1),
    "RegNetX-400MF": (22, 24, 24.48, 2.54, 16, 397678568, 5157512, 3143272, 27.3),
    "RegNetX-600MF": (16, 48, 36.97, 2.24, 24, 600891112, 6196040, 3975096, 25.9),
    "RegNetX-800MF": (16, 56, 35.73, 2.28, 16, 799700712, 7259656, 5148744, 24.8),
    "RegNetX-1.6GF": (18, 80, 34.01, 2.25, 24, 1602850792, 9190136, 7933512, 23.0),
    "RegNetX-3.2GF": (25, 88, 26.31, 2.25, 48, 3176622952, 15296552, 11367432, 21.7),
    "RegNetX-4.0GF": (23, 96, 38.65, 2.43, 40, 3964499816, 22118248, 12201608, 21.4),
    "RegNetX-6.4GF": (17, 184, 60.83, 2.07, 56, 6460292264, 26209256, 16369744, 20.8),
    "RegNetX-8.0GF": (23, 80, 49.56, 2.88, 120, 7995133416, 39572648, 14059688, 20.7),
    "RegNetX-12GF": (19, 168, 73.36, 2.37, 112, 12086679016, 46106056, 21366568, 20.3),
    "RegNetX-16GF": (22, 216, 55.59, 2.1, 128, 15940756456, 54278536, 25515496, 20.0),
    "RegNetX-32GF": (23, 320, 69.86, 2.0, 168, 31735930792, 107811560, 36302160, 19.5),
    "RegNetY-200MF": (13, 24, 36.44, 2.49, 8, 199519076, 3162996, 2168052, 29.6),
    "RegNetY-400MF": (16, 48, 27.89, 2.09, 8, 401849056, 4344144, 3892496, 25.9),
    "RegNetY-600MF": (15, 48, 32.54, 2.32, 16, 601227608, 6055160, 4334296, 24.5),
    "RegNetY-800MF": (14, 56, 38.84, 2.4, 16, 797183328, 6263168, 5249888, 23.7),
    "RegNetY-1.6GF": (27, 48, 20.71, 2.65, 24, 1612087326, 11202430, 8044814, 22.0),
    "RegNetY-3.2GF": (21, 80, 42.63, 2.66, 24, 3176496162, 19436338, 11263418, 21.0),
    "RegNetY-4.0GF": (22, 96, 31.41, 2.24, 64, 3973301344, 20646656, 12287200, 20.6),
    "RegNetY-6.4GF": (25, 112, 33.22, 2.27, 72, 6355221876, 30583252, 16407188, 20.1),
    "RegNetY-8.0GF": (17, 192, 76.82, 2.19, 56, 7963074196, 39180068, 17968916, 20.1),
    "RegNetY-12GF": (19, 168, 73.36, 2.37, 112, 12092395504, 51822544, 21384496, 19.7),
    "RegNetY-16GF": (18, 200, 106.23, 2.48, 112, 15911534044, 83590140, 23041228, 19.6),
    "RegNetY-32GF": (20, 232, 115.89, 2.53, 232, 32279583362, 145046770, 30261570, 19.0),
}
# torchvision rounds widths to groups in another way, which changes three networks: stage depths, widths,
# group width; GF and params as it publishes them
_TORCHVISION: dict[str, tuple[Sequence[int], Sequence[int], int, float, int]] = {
    "RegNetX-400MF-torchvision": ((1, 2, 7, 12), (32, 64, 160, 400), 16, 0.414, 5495976),
    "RegNetY-800MF-torchvision": ((1, 3, 8, 2), (64, 144, 320, 784), 16, 0.834, 6432512),
    "RegNetY-8.0GF-torchvision": ((2, 4, 10, 1), (224, 448, 896, 2016), 56, 8.473, 39381472),
}
# name: block, stage depths, bottleneck ratio, group width of stage 1 (doubles from stage to stage);
# GF, params and M acts (without the max-pool) as torchvision and RegNet's tables 3 print them; RegNet's top-1 error
_RESNETS: dict[str, tuple[str, Sequence[int], int, int | None, float, int, float | None, float | None]] = {
    "ResNet-18": ("basic", (2, 2, 2, 2), 1, None, 1.814, 11689512, None, None),
    "ResNet-34": ("basic", (3, 4, 6, 3), 1, None, 3.664, 21797672, None, None),
    "ResNet-50": ("r", (3, 4, 6, 3), 4, None, 4.089, 25557032, 11.1, 23.2),
    "ResNet-101": ("r", (3, 4, 23, 3), 4, None, 7.801, 44549160, 16.2, 21.4),
    "ResNet-152": ("r", (3, 8, 36, 3), 4, None, 11.514, 60192808, 22.6, 20.9),
    "ResNeXt-50-32x4d": ("x", (3, 4, 6, 3), 2, 4, 4.230, 25028904, 14.4, 21.9),
    "ResNeXt-101-32x4d": ("x", (3, 4, 23, 3), 2, 4, 8.0, 44200000, 21.2, 20.7),
}
# name: blocks per stage; GF and M params as NDS prints them, and its error on CIFAR-10
_CIFAR_RESNETS = {"ResNet-56": (9, 0.13, 0.86, 6.22), "ResNet-110": (18, 0.26, 1.73, 5.91)}


@dataclass(frozen=True)
class Published:
    """A network and what was published about it."""

    name: str
    architecture: Architecture
    complexity: Complexity  # at `resolution`; an entry is None where none was published
    # one unit of each last printed digit, 1 where the count is exact. The acts of ResNets leave out the stem's
    # max-pool, which `dsx.complexity` counts
    rounding: Complexity
    error_pct: float | None  # top-1, ImageNet or CIFAR-10, as reported by RegNet or NDS, else None
    resolution: int = 224


def published(name: str) -> Architecture:
    """The architecture of a network of the literature, such as `RegNetX-400MF`, `ResNet-50`, `ResNeXt-50-32x4d`.

    Raises DefinitionError with a near miss for a name that is not in `published_names()`.
    """
    if not isinstance(name, str):
        raise DefinitionError(unknown("network", name, published_names()))
    return published_record(name).architecture


def published_names() -> list[str]:
    """All names that `published` takes."""
    return [*_REGNETS, *_TORCHVISION, *_RESNETS, *_CIFAR_RESNETS]


@cache
def published_record(name: str) -> Published:
    """The network of that name with its published complexity and error. Raises DefinitionError for an unknown name."""
    for table, make in (
        (_REGNETS, _regnet),
        (_TORCHVISION, _torchvision_regnet),
        (_RESNETS, _resnet),
        (_CIFAR_RESNETS, _cifar_resnet),
    ):
        if name in table:
            return make(name)
    raise DefinitionError(unknown("network", name, published_names()))


def _stages(depths: Sequence[int], widths: Sequence[int], strides: Sequence[int], **fields: Any) -> tuple[Stage, ...]:
    """Stages of equal fields; a field that is a sequence has one entry per stage."""
    fields |= {"depth": depths, "width": widths, "stride": strides}
    return tuple(
        Stage(**{name: value[i] if isinstance(value, (list, tuple)) else value for name, value in fields.items()})
        for i in range(len(depths))
    )


def _se_ratio(name: str) -> float:
    return 0.25 if name.startswith("RegNetY") else 0.0


def _regnet(name: str) -> Published:
    depth, w0, wa, wm, group_width, flops, params, acts, error = _REGNETS[name]
    shapes = quantize_widths(w0, wa, wm, depth)
    raw = np.array([shape.width for shape in shapes])
    widths, groups = adjust_groups(raw, np.ones(len(raw)), np.full(len(raw), group_width))
    depths = [shape.depth for shape in shapes]
    stages = _stages(depths, widths.tolist(), (2,) * 4, group_width=groups.tolist(), se_ratio=_se_ratio(name))
    exact = Complexity(1, 1, 1)
    return Published(name, Architecture(stages=stages), Complexity(flops, params, acts), exact, error)


def _torchvision_regnet(name: str) -> Published:
    depths, widths, group_width, gigaflops, params = _TORCHVISION[name]
    stages = _stages(depths, widths, (2,) * 4, group_width=group_width, se_ratio=_se_ratio(name))
    complexity = Complexity(round(gigaflops * 1e9), params, None)
    return Published(name, Architecture(stages=stages), complexity, Complexity(10**6, 1, 1), None)


def _resnet(name: str) -> Published:
    block, depths, ratio, group_width, gigaflops, params, million_acts, error = _RESNETS[name]
    expansion = 1 if block == "basic" else 4
    widths = [64 * expansion * 2**i for i in range(4)]
    groups = [group_width * 2**i if group_width else None for i in range(4)]
    stages = _stages(depths, widths, (1, 2, 2, 2), block=block, bottleneck_ratio=float(ratio), group_width=groups)
    complexity = Complexity(round(gigaflops * 1e9), params, round(million_acts * 1e6) if million_acts else None)
    # torchvision has no weights for ResNeXt-101 32×4d, so only the paper's rounder figures are there
    rounding = Complexity(10**8, 10**5, 10**5) if name == "ResNeXt-101-32x4d" else Complexity(10**6, 1, 10**5)
    return Published(name, Architecture(stem=Stem(type="resnet", width=64), stages=stages), complexity, rounding, error)


def _cifar_resnet(name: str) -> Published:
    blocks, gigaflops, million_params, error = _CIFAR_RESNETS[name]
    stages = _stages((blocks,) * 3, (16, 32, 64), (1, 2, 2), block="basic")
    architecture = Architecture(stem=Stem(type="cifar", width=16), stages=stages, num_classes=10)
    complexity = Complexity(round(gigaflops * 1e9), round(million_params * 1e6), None)
    return Published(name, architecture, complexity, Complexity(10**7, 10**4, 1), error, resolution=32)

"""Networks that are no AnyNet, to train under the same recipe and put on the same axes: EfficientNet, MobileNetV2.

torchvision builds them. So that only the network differs, they start, normalise and regularise as AnyNets
do: the authors' initialisation, batch norm's usual settings, no dropout and no stochastic depth.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import field_validator

from dsx.base.errors import DefinitionError, suggest
from dsx.base.schema import Count
from dsx.networks.architecture import Identified
from dsx.networks.cost import Complexity

if TYPE_CHECKING:
    from torch import nn

    from dsx.networks.blocks import Norm

# name: torchvision's constructor and the resolution the network was designed for
BASELINES: dict[str, tuple[str, int]] = {
    "EfficientNet-B0": ("efficientnet_b0", 224),
    "EfficientNet-B1": ("efficientnet_b1", 240),
    "EfficientNet-B2": ("efficientnet_b2", 260),
    "EfficientNet-B3": ("efficientnet_b3", 300),
    "EfficientNet-B4": ("efficientnet_b4", 380),
    "EfficientNet-B5": ("efficientnet_b5", 456),
    "MobileNetV2": ("mobilenet_v2", 224),
}
_TOTAL_STRIDE = 32


class Baseline(Identified):
    """A network known by name. Takes an `Architecture`'s place in `build`, `complexity` and `train`."""

    baseline: str
    num_classes: Count = 1000
    in_channels: Count = 3

    @field_validator("baseline")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BASELINES:
            raise ValueError(f"unknown baseline.{suggest(name, BASELINES)} Known: {', '.join(BASELINES)}")
        return name

    @property
    def resolution(self) -> int:
        """The resolution the network was designed for, and at which its complexity was published."""
        return BASELINES[self.baseline][1]

    @property
    def total_stride(self) -> int:
        return _TOTAL_STRIDE

    def check_resolution(self, resolution: int) -> None:
        """Raises DefinitionError if an image of that size is used up before the last stride."""
        if resolution < _TOTAL_STRIDE:
            raise DefinitionError(
                f"resolution {resolution} is too small: {self.baseline} reduces it {_TOTAL_STRIDE}-fold;"
                f" use at least {_TOTAL_STRIDE}"
            )


def build_baseline(baseline: Baseline, norm: Norm | None = None) -> nn.Module:
    """The network with fresh weights: (N, in_channels, H, W) → (N, num_classes)."""
    from torch import nn
    from torchvision import models

    from dsx.networks.blocks import Norm, initialise

    norm = norm or Norm()
    constructor = getattr(models, BASELINES[baseline.baseline][0])
    fields = {"stochastic_depth_prob": 0.0} if baseline.baseline.startswith("EfficientNet") else {}
    network: nn.Module = constructor(dropout=0.0, num_classes=baseline.num_classes, **fields)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = norm.eps, norm.momentum
    if baseline.in_channels != 3:
        width = network.get_parameter("features.0.0.weight").shape[0]
        stem = nn.Conv2d(baseline.in_channels, width, 3, stride=2, padding=1, bias=False)
        network.get_submodule("features.0").add_module("0", stem)
    initialise(network)
    return network


@lru_cache(maxsize=64)
def baseline_complexity(baseline: Baseline, resolution: int | None = None) -> Complexity:
    """Flops, params and acts as `dsx.networks.complexity` defines them, counted on the built network without computing.

    resolution: None is the baseline's own. Raises DefinitionError if it is too small.
    """
    import torch

    from dsx.networks.counting import count_complexity

    baseline.check_resolution(resolution := resolution or baseline.resolution)
    with torch.device("meta"):
        return count_complexity(build_baseline(baseline), torch.empty(1, baseline.in_channels, resolution, resolution))

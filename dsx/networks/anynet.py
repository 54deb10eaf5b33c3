"""AnyNet: an architecture as a torch module."""

from __future__ import annotations

from collections import OrderedDict
from typing import overload

from torch import Tensor, nn

from dsx.networks.architecture import Architecture, check_network
from dsx.networks.baselines import Baseline, build_baseline
from dsx.networks.blocks import Classifier, Norm, Parts, initialise, make_block, make_stem
from dsx.networks.user import UserNetwork, build_user


class AnyNet(nn.Module):
    """Stem, stages `s1`, `s2`, … of blocks `b1`, `b2`, …, and head: (N, in_channels, H, W) → (N, num_classes)."""

    def __init__(self, architecture: Architecture, norm: Norm) -> None:
        super().__init__()
        self.architecture = architecture
        parts = Parts(architecture.activation, norm)
        self.stem = make_stem(architecture.stem, architecture.in_channels, parts)
        width = architecture.stem.width
        for i, stage in enumerate(architecture.stages, start=1):
            blocks: OrderedDict[str, nn.Module] = OrderedDict()
            for j in range(1, stage.depth + 1):
                blocks[f"b{j}"] = make_block(stage, width, stage.stride if j == 1 else 1, parts)
                width = stage.width
            self.add_module(f"s{i}", nn.Sequential(blocks))
        self.head = Classifier(width, architecture.head.width, architecture.num_classes, parts)
        initialise(self, norm.zero_init_last)

    def forward(self, x: Tensor) -> Tensor:
        for module in self.children():
            x = module(x)
        return x


@overload
def build(architecture: Architecture, *, norm: Norm | None = None) -> AnyNet: ...
@overload
def build(architecture: Baseline | UserNetwork, *, norm: Norm | None = None) -> nn.Module: ...
def build(architecture: Architecture | Baseline | UserNetwork, *, norm: Norm | None = None) -> nn.Module:
    """The network with freshly initialised weights, a function of `torch.manual_seed` alone.

    norm: batch-norm settings; by default eps 1e-5, momentum 0.1 and no zero-initialised scale. A user's network has its
    own. Raises DsxError for what is no description of a network.
    """
    check_network(architecture)
    if isinstance(architecture, UserNetwork):
        return build_user(architecture)
    if isinstance(architecture, Baseline):
        return build_baseline(architecture, norm)
    return AnyNet(architecture, norm or Norm())

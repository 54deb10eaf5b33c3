"""Blocks, stems and heads in torch, made from the convs that `layers` lists.

Tensors are (N, channels, height, width). Names of modules, and so of weights, are the authors':
a block's main branch is `f` with convs `a`, `b`, `c` and batch norms `a_bn`, `b_bn`, `c_bn`; a
projection shortcut is `proj` and `bn`; blocks without a shortcut have `a`, `a_bn`, … themselves.

In-place operations are safe where they are used: batch norm's backward pass needs its input and
not its output, so what follows it may overwrite that output.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dsx.base.errors import DefinitionError
from dsx.networks.architecture import Stage, Stem
from dsx.networks.layers import BLOCKS, STEMS, USER_BLOCKS, Conv, Pool, inner_width, squeeze_width

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


@dataclass(frozen=True)
class Norm:
    """Batch-norm settings. eps is added to the variance; momentum is the weight of the newest batch.

    zero_init_last: the last scale of each block with a shortcut starts at 0, so that the block starts as its shortcut.
    """

    eps: float = 1e-5
    momentum: float = 0.1
    zero_init_last: bool = False


@dataclass(frozen=True)
class Parts:
    """Makes the elementary modules of one network."""

    activation: str = "relu"
    norm: Norm = Norm()

    def conv(self, conv: Conv) -> nn.Conv2d:
        """The conv as listed, padded so that stride s maps height h to (h−1)//s+1."""
        shape = (conv.w_in, conv.w_out, conv.kernel)
        return nn.Conv2d(*shape, conv.stride, padding=conv.kernel // 2, groups=conv.groups, bias=conv.bias)

    def bn(self, width: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(width, eps=self.norm.eps, momentum=self.norm.momentum)

    def act(self) -> nn.Module:
        kind = ACTIVATIONS[self.activation]
        return kind() if kind is nn.GELU else kind(inplace=True)


class SqueezeExcite(nn.Module):
    """Scales every channel by a gate computed from all channels' means: conv, ReLU, conv, sigmoid."""

    def __init__(self, parts: Parts, reduce: Conv, expand: Conv) -> None:
        super().__init__()
        self.f_ex = nn.Sequential(parts.conv(reduce), nn.ReLU(inplace=True), parts.conv(expand), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.f_ex(x.mean((2, 3), keepdim=True))


class Residual(nn.Module):
    """f(x) + shortcut, then the activation if there is one. The shortcut is x, or a conv with batch norm of it.

    f ends in a batch norm, whose output the sum overwrites.
    """

    def __init__(
        self, f: nn.Sequential, proj: nn.Conv2d | None, bn: nn.BatchNorm2d | None, act: nn.Module | None
    ) -> None:
        super().__init__()
        self.proj = proj
        self.bn = bn
        self.f = f
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.proj is None or self.bn is None else self.bn(self.proj(x))
        total: Tensor = self.f(x).add_(shortcut)
        return total if self.act is None else self.act(total)


def make_block(stage: Stage, w_in: int, stride: int, parts: Parts) -> nn.Module:
    """One block of `stage` with the given input width and stride: (N, w_in, h, h) → (N, width, h', h')."""
    inner = inner_width(stage.width, stage.bottleneck_ratio)
    groups = inner // stage.group_width if stage.group_width else 1
    squeeze = squeeze_width(w_in, stage.se_ratio)
    convs = BLOCKS[stage.block].convs(w_in, stage.width, inner, groups, stride, squeeze)
    if stage.block in USER_BLOCKS:
        return _users_block(stage, w_in, stride, parts, convs)
    return _listed_block(stage, w_in, stride, parts, convs)


def _users_block(stage: Stage, w_in: int, stride: int, parts: Parts, convs: list[Conv]) -> nn.Module:
    """What the user's factory makes; its parameters must be those of the listed convs, or complexity would be wrong."""
    factory = BLOCKS[stage.block].module
    block: nn.Module = (factory or _listed_block)(stage, w_in, stride, parts, *([] if factory else [convs]))
    listed = sum(
        (c.kernel**2 * c.w_in * c.w_out // c.groups + c.w_out * c.bias + 2 * c.w_out * c.norm) * c.present
        for c in convs
    )
    built = sum(parameter.numel() for parameter in block.parameters())
    if built != listed:
        raise DefinitionError(
            f"block '{stage.block}' of width {stage.width} after width {w_in}: its module has {built:,} parameters and"
            f" its list of convs {listed:,}; complexity is counted from the list, so make them agree"
        )
    return block


def _listed_block(stage: Stage, w_in: int, stride: int, parts: Parts, convs: list[Conv]) -> nn.Module:
    by_name = {conv.name: conv for conv in convs if conv.present}
    proj = by_name.pop("proj", None)
    if "proj" not in {conv.name for conv in convs} and stage.block != "linear_bottleneck":
        return _branch(by_name.values(), parts, last_act=True)
    f = _branch(by_name.values(), parts, last_act=False)
    if stage.block != "linear_bottleneck":
        bn = parts.bn(stage.width) if proj else None
        return Residual(f, parts.conv(proj) if proj else None, bn, parts.act())
    if w_in == stage.width and stride == 1:
        return Residual(f, None, None, None)
    return nn.Sequential(OrderedDict(f=f))


def _branch(convs: Iterable[Conv], parts: Parts, last_act: bool) -> nn.Sequential:
    """conv, batch norm and activation for every conv, squeeze-and-excitation where listed; last_act: end with one."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    reduce: Conv | None = None
    for conv in convs:
        if conv.name == "se.reduce":
            reduce = conv
        elif conv.name == "se.expand":
            assert reduce is not None
            modules["se"] = SqueezeExcite(parts, reduce, conv)
        else:
            modules[conv.name] = parts.conv(conv)
            modules[f"{conv.name}_bn"] = parts.bn(conv.w_out)
            modules[f"{conv.name}_act"] = parts.act()
    if not last_act:
        modules.popitem()
    return nn.Sequential(modules)


def make_stem(stem: Stem, in_channels: int, parts: Parts) -> nn.Sequential:
    """conv, batch norm, activation, and the max-pool where the stem has one."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in STEMS[stem.type].layers(in_channels, stem.width):
        if isinstance(layer, Pool):
            modules["pool"] = nn.MaxPool2d(layer.kernel, stride=layer.stride, padding=layer.kernel // 2)
        else:
            modules |= {"conv": parts.conv(layer), "bn": parts.bn(layer.w_out), "act": parts.act()}
    return nn.Sequential(modules)


class Classifier(nn.Module):
    """Global average pooling and a linear layer; with `width` > 0 a 1×1 conv, batch norm and activation first."""

    def __init__(self, w_in: int, width: int, num_classes: int, parts: Parts) -> None:
        super().__init__()
        self.conv = parts.conv(Conv("conv", 1, w_in, width)) if width else None
        self.bn = parts.bn(width) if width else None
        self.act = parts.act() if width else None
        self.fc = nn.Linear(width or w_in, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.conv is not None and self.bn is not None and self.act is not None:
            x = self.act(self.bn(self.conv(x)))
        return self.fc(x.mean((2, 3)))


@torch.no_grad()
def initialise(network: nn.Module, zero_init_last: bool = False) -> None:
    """The authors' start: convs N(0, √(2/(k²·w_out))), batch norms 1 and 0, the classifier N(0, 0.01) and 0.

    Biases of squeeze-and-excitation convs keep torch's default, as in the authors' code. Nothing happens on
    the meta device, where there are no values.
    """
    if next(network.parameters()).is_meta:
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            module.weight.normal_(0.0, (2.0 / fan_out) ** 0.5)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.fill_(1.0)
            module.bias.zero_()
        elif isinstance(module, nn.Linear):
            module.weight.normal_(0.0, 0.01)
            module.bias.zero_()
    if zero_init_last:
        for module in network.modules():
            if isinstance(module, Residual):
                last = module.f[-1]
                assert isinstance(last, nn.BatchNorm2d)
                last.weight.zero_()

"""Batch norm, ReLU and the convolution after them as one step of the graph: less memory, the same numbers to rounding.

Plain torch keeps the normalised image for the convolution's and ReLU's backward pass, beside the one before the norm
for batch norm's. The second gives the first again for one multiplication and one addition an element, so that only it
need be kept: of the seven images that a residual bottleneck keeps for its backward pass, five remain. The price is a
few per cent of time, so it is the recipe's choice (`save_memory`).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dsx.networks.torch_private import has_forward_hooks
from dsx.training.replacing import replace_layers

_aten = torch.ops.aten


class _NormReluConv(torch.autograd.Function):
    """conv(relu(norm(x))) in training mode: x (n, in, h, w), scale and shift (in,), weight (out, in / groups, k, k)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, norm: nn.BatchNorm2d, conv: nn.Conv2d
    ) -> Tensor:
        assert norm.momentum is not None
        y, mean, inverse_std = torch.native_batch_norm(
            x, scale, shift, norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        )
        ctx.save_for_backward(x, scale, shift, weight, mean, inverse_std)
        ctx.eps, ctx.geometry = norm.eps, (conv.stride, conv.padding, conv.dilation, False, (0, 0), conv.groups)
        return torch.convolution(y.relu_(), weight, None, *ctx.geometry)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, weight, mean, inverse_std = ctx.saved_tensors
        slope = scale * inverse_std
        offset = shift - mean * slope
        y = torch.addcmul(offset.view(1, -1, 1, 1), x, slope.view(1, -1, 1, 1)).relu_()
        of_y, of_weight, _ = _aten.convolution_backward(
            gradients[0], y, weight, None, *ctx.geometry, (True, ctx.needs_input_grad[3], False)
        )
        # nobody else holds the gradient that was just computed: it is masked where it lies
        _aten.threshold_backward.grad_input(of_y, y, 0, grad_input=of_y)
        of_x, of_scale, of_shift = _aten.native_batch_norm_backward(
            of_y, x, scale, None, None, mean, inverse_std, True, ctx.eps, (True, True, True)
        )
        return of_x, of_scale, of_shift, of_weight, None, None


class FusedSequential(nn.Sequential):
    """nn.Sequential that runs each batch norm, ReLU and convolution in a row as one, where that is safe."""

    def forward(self, input: Tensor) -> Tensor:
        modules, i = list(self), 0
        while i < len(modules):
            three = modules[i : i + 3]
            if _alike(three) and _safe(three, input):
                norm, _, conv = three
                norm.get_buffer("num_batches_tracked").add_(1)
                input, i = _NormReluConv.apply(input, norm.weight, norm.bias, conv.weight, norm, conv), i + 3
            else:
                input, i = modules[i](input), i + 1
        return input


def _alike(three: list[nn.Module]) -> bool:
    """Whether these are a plain batch norm, a ReLU and a convolution without bias."""
    return (
        len(three) == 3
        and type(three[0]) is nn.BatchNorm2d
        and three[0].affine
        and three[0].momentum is not None
        and three[0].track_running_stats
        and type(three[1]) is nn.ReLU
        and isinstance(three[2], nn.Conv2d)
        and three[2].bias is None
        and three[2].padding_mode == "zeros"
    )


def _safe(three: list[nn.Module], x: Tensor) -> bool:
    """Whether gradients of this precision are kept and nobody looks at what is between the modules."""
    return (
        three[0].training
        and torch.is_grad_enabled()
        and not torch.is_autocast_enabled(x.device.type)
        and not any(has_forward_hooks(module) for module in three)
    )


def fuse(model: nn.Module) -> None:
    """Let every branch of the model fuse what it can. Weights and names stay as they are."""
    replace_layers(model, _as_fused)


def _as_fused(layer: nn.Module) -> FusedSequential | None:
    if type(layer) is not nn.Sequential or not any(_alike(list(layer)[i : i + 3]) for i in range(len(layer))):
        return None
    return FusedSequential(OrderedDict(layer.named_children()))

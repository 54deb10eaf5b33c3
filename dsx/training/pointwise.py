"""Small 1×1 convolutions as matrix products: on a CPU the same numbers (up to rounding) with less overhead.

In channels-last layout a 1×1 convolution of stride 1 is one matrix product over all pixels. Up to some 7×7 pixels
torch's product is 10 to 60 % faster than its convolution, forward and backward; above, it is not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dsx.training.replacing import replace_layers

_MOST_PIXELS = 49


class PointwiseConv2d(nn.Conv2d):
    """nn.Conv2d for 1×1 kernels of stride 1 in one group; (n, in, h, w) → (n, out, h, w)."""

    def forward(self, input: Tensor) -> Tensor:
        pixels = input.shape[2] * input.shape[3]
        if pixels > _MOST_PIXELS or not input.is_contiguous(memory_format=torch.channels_last):
            return super().forward(input)
        matrix = self.weight.view(self.out_channels, self.in_channels)
        return F.linear(input.permute(0, 2, 3, 1), matrix, self.bias).permute(0, 3, 1, 2)


def use_products(model: nn.Module) -> None:
    """Let every 1×1 convolution of stride 1 in the model choose the faster way. Weights and names stay as they are."""
    replace_layers(model, _as_pointwise)


def _as_pointwise(layer: nn.Module) -> PointwiseConv2d | None:
    if type(layer) is not nn.Conv2d or layer.kernel_size != (1, 1) or layer.stride != (1, 1):
        return None
    if layer.groups != 1 or layer.padding != (0, 0):
        return None
    # on the meta device nothing is drawn for weights that are replaced at once
    other = PointwiseConv2d(layer.in_channels, layer.out_channels, 1, bias=layer.bias is not None, device="meta")
    other.weight, other.bias = layer.weight, layer.bias
    return other

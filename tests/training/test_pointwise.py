from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from dsx.training.pointwise import PointwiseConv2d, use_products


@pytest.mark.parametrize("size", [1, 4, 7, 8])
@pytest.mark.parametrize("bias", [False, True])
def test_products_equal_the_convolution_forward_and_backward(size: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(12, 20, 1, bias=bias)).to(memory_format=torch.channels_last)
    fast = copy.deepcopy(plain)
    use_products(fast)
    assert type(fast[0]) is PointwiseConv2d
    images = torch.randn(5, 12, size, size).to(memory_format=torch.channels_last)
    outputs = [model(images) for model in (plain, fast)]
    torch.testing.assert_close(outputs[0], outputs[1])
    for model, output in zip((plain, fast), outputs, strict=True):
        (output**2).sum().backward()
        assert model[0].weight.grad is not None
    torch.testing.assert_close(plain[0].weight.grad, fast[0].weight.grad)
    assert plain.state_dict().keys() == fast.state_dict().keys()


def test_other_convolutions_are_left_alone() -> None:
    kept = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1, stride=2), nn.Conv2d(8, 8, 1, groups=2))
    use_products(kept)
    assert all(type(module) is nn.Conv2d for module in kept)

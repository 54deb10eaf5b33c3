"""What the GPU computes, forward and backward, against the CPU.

Bounds are on the relative 2-norm of the difference (`gpu_data.off`): in double precision 1e-10, as both compute the
same sums in other orders; in float32 without TF32 1e-4, and 1e-3 for gradients; in bfloat16 under autocast 0.05, for 8
bits of mantissa through up to ten layers, and 0.2 for gradients.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Head, Stage, Stem
from dsx.networks.blocks import Classifier, Parts, make_block, make_stem
from dsx.networks.published import published
from dsx.training.fused import fuse

from gpu_data import gpu, off

BLOCKS = [
    Stage(block="x", depth=1, width=16, group_width=4),
    Stage(block="x", depth=1, width=16, group_width=2, bottleneck_ratio=2, se_ratio=0.25),
    Stage(block="x", depth=1, width=16, group_width=1, bottleneck_ratio=0.5),
    Stage(block="r", depth=1, width=16, bottleneck_ratio=4),
    Stage(block="v", depth=1, width=16),
    Stage(block="vr", depth=1, width=16),
    Stage(block="vanilla", depth=1, width=16),
    Stage(block="basic", depth=1, width=16),
    Stage(block="linear_bottleneck", depth=1, width=16, group_width=1, bottleneck_ratio=0.25, se_ratio=0.5),
]
BLOCK_NAMES = [f"{i} {stage.block}" for i, stage in enumerate(BLOCKS)]


def passes(module: nn.Module, x: Tensor, autocast: torch.dtype | None = None) -> dict[str, Tensor]:
    """Output, gradients of the input and of all weights, and batch-norm statistics after one training pass."""
    x = x.detach().clone().requires_grad_()
    with torch.autocast(x.device.type, autocast or torch.bfloat16, enabled=autocast is not None):
        y = module.train()(x)
    weights = torch.linspace(-1, 1, y.numel(), device=x.device).view(y.shape).to(y.dtype)
    (y * weights).sum().backward()
    found = {"output": y, "input": x.grad}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in module.named_parameters()}
    return found | {name: b for name, b in module.named_buffers() if b.is_floating_point()}


def compared(
    module: nn.Module, x: Tensor, dtype: torch.dtype = torch.float64, autocast: torch.dtype | None = None
) -> tuple[float, float]:
    """How far the GPU, channels-last, is off: the output, and all gradients and statistics together."""
    exact = passes(copy.deepcopy(module).double(), x.double())
    layout = torch.channels_last if x.dim() == 4 else torch.contiguous_format
    there = copy.deepcopy(module).to(gpu(), dtype).to(memory_format=torch.channels_last)
    found = passes(there, x.to(gpu(), dtype, memory_format=layout), autocast)
    assert found.keys() == exact.keys()
    rest = [torch.cat([values[name].detach().double().cpu().flatten() for name in exact if name != "output"])
            for values in (found, exact)]  # fmt: skip
    return off(found["output"], exact["output"]), off(*rest)


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu"])
@pytest.mark.parametrize(("w_in", "stride"), [(16, 1), (16, 2), (12, 1)])
@pytest.mark.parametrize("stage", BLOCKS, ids=BLOCK_NAMES)
def test_blocks_in_double_precision(stage: Stage, w_in: int, stride: int, activation: str) -> None:
    torch.manual_seed(0)
    forward, backward = compared(make_block(stage, w_in, stride, Parts(activation)), torch.randn(4, w_in, 9, 9))
    assert forward < 1e-10
    assert backward < 1e-10


@pytest.mark.parametrize("stage", BLOCKS, ids=BLOCK_NAMES)
def test_blocks_in_float32(stage: Stage) -> None:
    torch.manual_seed(0)
    block = make_block(stage, 12, 2, Parts())
    forward, backward = compared(block, torch.randn(8, 12, 16, 16), torch.float32)
    assert forward < 1e-4
    assert backward < 1e-3


@pytest.mark.parametrize("stage", BLOCKS, ids=BLOCK_NAMES)
def test_blocks_in_bfloat16(stage: Stage) -> None:
    torch.manual_seed(0)
    block = make_block(stage, 12, 2, Parts())
    forward, backward = compared(block, torch.randn(8, 12, 16, 16), torch.float32, torch.bfloat16)
    assert forward < 0.05
    assert backward < 0.2


@pytest.mark.parametrize("kind", ["simple", "resnet", "cifar"])
def test_stems(kind: str) -> None:
    torch.manual_seed(0)
    stem, x = make_stem(Stem(type=kind, width=8), 3, Parts()), torch.randn(4, 3, 32, 32)
    assert max(compared(stem, x)) < 1e-10
    assert max(compared(stem, x, torch.float32)) < 1e-3
    assert max(compared(stem, x, torch.float32, torch.bfloat16)) < 0.2


@pytest.mark.parametrize("width", [0, 24])
def test_heads(width: int) -> None:
    torch.manual_seed(0)
    head, x = Classifier(16, width, 10, Parts()), torch.randn(8, 16, 7, 7)
    assert max(compared(head, x)) < 1e-10
    assert max(compared(head, x, torch.float32)) < 1e-3
    assert max(compared(head, x, torch.float32, torch.bfloat16)) < 0.2


@pytest.mark.parametrize("name", ["RegNetX-200MF", "RegNetY-400MF", "ResNet-18", "ResNet-56"])
def test_whole_networks_in_double_precision(name: str) -> None:
    torch.manual_seed(0)
    network = build(published(name))
    forward, backward = compared(network, torch.randn(8, 3, 64, 64))
    assert forward < 1e-8
    assert backward < 1e-6


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_a_network_evaluates_as_on_the_cpu(activation: str) -> None:
    torch.manual_seed(0)
    stages = tuple(Stage(block="x", depth=2, width=w, stride=2, group_width=8) for w in (16, 32))
    network = build(Architecture(stem=Stem(), stages=stages, head=Head(width=24), activation=activation)).eval()
    x = torch.randn(8, 3, 64, 64)
    with torch.inference_mode():
        expected = network(x)
        found = network.to(gpu()).to(memory_format=torch.channels_last)(x.to(gpu()))
    assert off(found, expected) < 1e-4


@pytest.mark.parametrize("stage", BLOCKS[:4], ids=BLOCK_NAMES[:4])
def test_steps_that_save_memory_compute_the_same(stage: Stage) -> None:
    torch.manual_seed(0)
    block = make_block(stage, 12, 2, Parts())
    fused, x = copy.deepcopy(block), torch.randn(4, 12, 9, 9)
    fuse(fused)
    exact = passes(copy.deepcopy(block).double().to(gpu()), x.double().to(gpu()))
    found = passes(fused.double().to(gpu()), x.double().to(gpu()))
    assert {name: value for name, value in ((n, off(found[n], exact[n])) for n in exact) if value > 1e-9} == {}

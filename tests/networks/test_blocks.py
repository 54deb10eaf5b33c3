"""What each block computes, against a plain functional oracle, and how networks start."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Head, Stage, Stem
from dsx.networks.blocks import Norm, Parts, make_block, make_stem


def randomise_norms(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)


class Oracle:
    """Applies the convs and batch norms of a block's state dict by name."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = state

    def conv_bn(self, x, conv, bn, stride=1, groups=1):
        weight = self.state[f"{conv}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
        mean, var = self.state[f"{bn}.running_mean"], self.state[f"{bn}.running_var"]
        return F.batch_norm(x, mean, var, self.state[f"{bn}.weight"], self.state[f"{bn}.bias"], eps=1e-5)

    def squeeze_excite(self, x):
        gate = x.mean((2, 3), keepdim=True)
        gate = F.relu(F.conv2d(gate, self.state["f.se.f_ex.0.weight"], self.state["f.se.f_ex.0.bias"]))
        return x * torch.sigmoid(F.conv2d(gate, self.state["f.se.f_ex.2.weight"], self.state["f.se.f_ex.2.bias"]))


ACT = {"relu": F.relu, "silu": F.silu, "gelu": F.gelu}


def expected(stage: Stage, x, stride, act, oracle):
    """The block as the papers draw it."""
    if stage.block in ("v", "vanilla"):
        x = act(oracle.conv_bn(x, "a", "a_bn", stride))
        return act(oracle.conv_bn(x, "b", "b_bn")) if stage.block == "vanilla" else x
    groups = int(stage.width / stage.bottleneck_ratio) // stage.group_width if stage.group_width else 1
    if stage.block == "vr":
        y = oracle.conv_bn(x, "f.a", "f.a_bn", stride)
    elif stage.block == "basic":
        y = act(oracle.conv_bn(x, "f.a", "f.a_bn", stride))
        y = oracle.conv_bn(y, "f.b", "f.b_bn")
    else:
        y = act(oracle.conv_bn(x, "f.a", "f.a_bn"))
        y = act(oracle.conv_bn(y, "f.b", "f.b_bn", stride, groups))
        if stage.se_ratio:
            y = oracle.squeeze_excite(y)
        y = oracle.conv_bn(y, "f.c", "f.c_bn")
    same_shape = stride == 1 and x.shape[1] == stage.width
    if stage.block == "linear_bottleneck":
        return x + y if same_shape else y
    return act(y + (x if same_shape else oracle.conv_bn(x, "proj", "bn", stride)))


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu"])
@pytest.mark.parametrize(("w_in", "stride"), [(16, 1), (16, 2), (12, 1)])
@pytest.mark.parametrize(
    "stage",
    [
        Stage(block="x", depth=1, width=16, group_width=4),
        Stage(block="x", depth=1, width=16, group_width=2, bottleneck_ratio=2, se_ratio=0.25),
        Stage(block="x", depth=1, width=16, group_width=1, bottleneck_ratio=0.5),
        Stage(block="r", depth=1, width=16, bottleneck_ratio=4),
        Stage(block="v", depth=1, width=16),
        Stage(block="vr", depth=1, width=16),
        Stage(block="vanilla", depth=1, width=16),
        Stage(block="basic", depth=1, width=16),
        Stage(block="linear_bottleneck", depth=1, width=16, group_width=1, bottleneck_ratio=0.25, se_ratio=0.5),
    ],
    ids=lambda stage: stage.block,
)
def test_block_computes_what_the_papers_draw_in_eval_and_its_gradient_exists(stage, w_in, stride, activation):
    torch.manual_seed(0)
    block = make_block(stage, w_in, stride, Parts(activation))
    randomise_norms(block)
    x = torch.randn(2, w_in, 9, 9)
    kept = x.clone()
    want = expected(stage, x, stride, ACT[activation], Oracle(block.state_dict()))
    torch.testing.assert_close(block.eval()(x), want)
    assert torch.equal(x, kept), "the input must not be overwritten"
    block.train()(x.requires_grad_()).sum().backward()
    assert all(p.grad is not None for p in block.parameters())


def test_gradients_agree_with_finite_differences_through_the_in_place_operations():
    torch.manual_seed(0)
    stage = Stage(block="x", depth=1, width=4, group_width=2, se_ratio=0.5)
    block = make_block(stage, 4, 1, Parts("silu")).double()
    assert torch.autograd.gradcheck(block, torch.randn(2, 4, 3, 3, dtype=torch.double, requires_grad=True))


def test_squeeze_width_is_a_share_of_the_blocks_input_width():
    stage = Stage(depth=2, width=64, group_width=8, se_ratio=0.25)
    first = make_block(stage, 24, 2, Parts())
    later = make_block(stage, 64, 1, Parts())
    assert [block.f.se.f_ex[0].out_channels for block in (first, later)] == [6, 16]


@pytest.mark.parametrize(("kind", "size"), [("simple", 16), ("resnet", 8), ("cifar", 32)])
def test_stem_reduces_the_image_by_its_stride(kind, size):
    stem = make_stem(Stem(type=kind, width=5), 3, Parts())
    assert stem(torch.zeros(1, 3, 32, 32)).shape == (1, 5, size, size)


def small(**fields) -> Architecture:
    stages = (
        Stage(depth=2, width=64, group_width=16, se_ratio=0.25),
        Stage(block="linear_bottleneck", depth=2, width=96, group_width=1, bottleneck_ratio=0.5),
    )
    return Architecture(stages=stages, head=Head(width=128), num_classes=10, **fields)


def test_weights_start_as_the_authors_start_them():
    torch.manual_seed(0)
    network = build(small())
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 2000:
            std = math.sqrt(2 / (module.kernel_size[0] ** 2 * module.out_channels))
            tolerance = 4 * std / math.sqrt(module.weight.numel())
            assert abs(module.weight.std().item() - std) < tolerance, name
            assert abs(module.weight.mean().item()) < tolerance, name
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
            assert (module.eps, module.momentum) == (1e-5, 0.1)
    assert abs(network.head.fc.weight.std().item() - 0.01) < 0.001
    assert (network.head.fc.bias == 0).all()


def test_weights_are_a_function_of_the_seed():
    states = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        states.append(build(small()).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not torch.equal(states[0]["head.fc.weight"], states[2]["head.fc.weight"])


def test_zero_initialised_blocks_start_as_their_shortcut_and_others_are_untouched():
    network = build(small(), norm=Norm(eps=1e-3, momentum=0.01, zero_init_last=True))
    zero = [name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d) and (m.weight == 0).all()]
    # s2.b1 has no shortcut, so zeros would cut the network in two
    assert zero == ["s1.b1.f.c_bn", "s1.b2.f.c_bn", "s2.b2.f.c_bn"]
    x = torch.rand(2, 64, 8, 8)
    assert torch.equal(network.s1.b2(x), x)
    assert {(m.eps, m.momentum) for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {(1e-3, 0.01)}


def test_activation_of_the_architecture_is_used_everywhere_but_inside_squeeze_and_excitation():
    network = build(small(activation="silu"))
    relus = [name for name, module in network.named_modules() if isinstance(module, nn.ReLU)]
    assert relus == ["s1.b1.f.se.f_ex.1", "s1.b2.f.se.f_ex.1"]

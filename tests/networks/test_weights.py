"""Weights of other libraries' networks: the same logits both ways, and refusals that name the keys."""

import csv
import json
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn
from torchvision.models.regnet import BlockParams, RegNet
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from dsx.base.errors import DsxError
from dsx.networks.anynet import AnyNet, build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.published import published, published_names
from dsx.networks.weights import load_weights, save_weights, weights

PAPER = {row["name"]: row for row in csv.DictReader((Path(__file__).parent / "paper_models.csv").open())}
# where torchvision's rounding gives another network; dsx has it under a name of its own
TORCHVISION_DIFFERS = {"RegNetX-400MF", "RegNetX-4.0GF", "RegNetY-800MF", "RegNetY-4.0GF", "RegNetY-8.0GF"}
TIMM_SIZES = ["200MF", "400MF", "600MF", "800MF", "1.6GF", "3.2GF", "4.0GF", "6.4GF", "8.0GF", "12GF", "16GF", "32GF"]
TIMM_NUMBERS = ["002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320"]
RESNETS = {
    "ResNet-18": (BasicBlock, (2, 2, 2, 2)),
    "ResNet-34": (BasicBlock, (3, 4, 6, 3)),
    "ResNet-50": (Bottleneck, (3, 4, 6, 3)),
    "ResNet-101": (Bottleneck, (3, 4, 23, 3)),
    "ResNet-152": (Bottleneck, (3, 8, 36, 3)),
    "ResNeXt-50-32x4d": (Bottleneck, (3, 4, 6, 3)),
    "ResNeXt-101-32x4d": (Bottleneck, (3, 4, 23, 3)),
}


def torchvision_network(name: str) -> nn.Module:
    """torchvision's network without weights; RegNets it has no constructor for from its own parameters."""
    if name in RESNETS:
        block, depths = RESNETS[name]
        fields = {"groups": 32, "width_per_group": 4} if "ResNeXt" in name else {}
        with torch.device("meta"):
            return ResNet(block, list(depths), **fields)
    row = PAPER[name.removesuffix("-torchvision")]
    numbers = {"depth": int(row["depth"]), "w_0": int(row["w0"]), "w_a": float(row["wa"]), "w_m": float(row["wm"])}
    se_ratio = 0.25 if row["se"] == "True" else None
    parameters = BlockParams.from_init_params(**numbers, group_width=int(row["group_w"]), se_ratio=se_ratio)
    with torch.device("meta"):
        return RegNet(parameters, norm_layer=nn.BatchNorm2d)


def timm_network(name: str) -> nn.Module:
    if name in RESNETS:
        theirs = name.replace("ResNet-", "resnet").replace("ResNeXt-", "resnext").replace("-32x4d", "_32x4d")
    else:
        family, size = name.removesuffix("-torchvision").split("-")
        theirs = f"{family.lower()}_{dict(zip(TIMM_SIZES, TIMM_NUMBERS, strict=True))[size]}"
        theirs += "_tv" if name.endswith("-torchvision") else ""
    with torch.device("meta"):
        return timm.create_model(theirs)


@torch.no_grad()
def randomised(architecture: Architecture) -> AnyNet:
    """A network in eval mode, every weight and statistic of it random and its activations of ordinary size."""
    with torch.device("meta"):
        network = build(architecture)
    network.to_empty(device="cpu").eval()
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            bound = (3 / module.weight[0].numel()) ** 0.5
            module.weight.uniform_(-bound, bound)
            if module.bias is not None:
                module.bias.uniform_(-0.5, 0.5)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.0)
            module.bias.uniform_(-0.2, 0.2)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.num_batches_tracked.fill_(3)
    return network


@torch.no_grad()
def assert_same_logits(first: nn.Module, second: nn.Module) -> None:
    images = torch.rand(1, 3, 40, 40)
    a, b = first.eval()(images), second.eval()(images)
    assert a.std() > 0.01
    assert (a - b).abs().max() <= 1e-5 * max(1.0, a.abs().max().item())


FOREIGN = [name for name in published_names() if name not in ("ResNet-56", "ResNet-110")]
HEAVY = [name for name in FOREIGN if name.endswith(("12GF", "16GF", "32GF"))]


def others(name: str) -> dict[str, nn.Module]:
    """Layout → the same network of that library, on the meta device."""
    with_torchvision = {} if name in TORCHVISION_DIFFERS else {"torchvision": torchvision_network(name)}
    return with_torchvision | {"timm": timm_network(name)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FOREIGN if name not in HEAVY])
def test_logits_agree_with_torchvision_and_timm_both_ways(name):
    torch.manual_seed(0)
    ours = randomised(published(name))
    with torch.device("meta"):
        back = build(published(name))
    for layout, theirs in others(name).items():
        theirs.load_state_dict(weights(ours, layout), strict=True, assign=True)
        assert_same_logits(ours, theirs)
        back.to_empty(device="cpu")
        assert load_weights(back, theirs.state_dict()) == ("torchvision" if name in RESNETS else layout)
        assert_same_state(ours, back)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_the_largest_networks_have_the_same_names_and_shapes(name):
    with torch.device("meta"):
        ours = build(published(name))
    for layout, theirs in others(name).items():
        shapes = {key: value.shape for key, value in weights(ours, layout).items()}
        assert shapes == {key: value.shape for key, value in theirs.state_dict().items()}


def assert_same_state(first: nn.Module, second: nn.Module) -> None:
    a, b = first.state_dict(), second.state_dict()
    assert list(a) == list(b)
    assert all(torch.equal(a[key], b[key]) for key in a)


def pycls_forward(
    state: dict[str, torch.Tensor], x: torch.Tensor, strides: list[int], group_widths: list
) -> torch.Tensor:
    """A network of residual bottleneck or basic blocks, read off pycls' weight names alone; blue, green, red."""

    def conv(x, name, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state.get(f"{name}.bias"), stride, weight.shape[-1] // 2, groups=groups)

    def bn(x, name):
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt() * weight[:, None, None] + bias[
            :, None, None
        ]

    seven = state["stem.conv.weight"].shape[-1] == 7
    x = F.relu(bn(conv(x, "stem.conv", 2), "stem.bn"))
    x = F.max_pool2d(x, 3, 2, 1) if seven else x
    for i, (stage_stride, group_width) in enumerate(zip(strides, group_widths, strict=True), start=1):
        j = 1
        while f"s{i}.b{j}.f.a.weight" in state:
            block, stride = f"s{i}.b{j}", stage_stride if j == 1 else 1
            shortcut = bn(conv(x, f"{block}.proj", stride), f"{block}.bn") if f"{block}.proj.weight" in state else x
            bottleneck = f"{block}.f.c.weight" in state
            y = F.relu(bn(conv(x, f"{block}.f.a", 1 if bottleneck else stride), f"{block}.f.a_bn"))
            groups = y.shape[1] // group_width if group_width else 1
            y = bn(conv(y, f"{block}.f.b", stride if bottleneck else 1, groups), f"{block}.f.b_bn")
            if bottleneck:
                y = F.relu(y)
                if f"{block}.f.se.f_ex.0.weight" in state:
                    gate = F.relu(conv(y.mean((2, 3), keepdim=True), f"{block}.f.se.f_ex.0"))
                    y = y * torch.sigmoid(conv(gate, f"{block}.f.se.f_ex.2"))
                y = bn(conv(y, f"{block}.f.c"), f"{block}.f.c_bn")
            x, j = F.relu(shortcut + y), j + 1
    return F.linear(x.mean((2, 3)), state["head.fc.weight"], state["head.fc.bias"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RegNetX-200MF", "RegNetY-600MF", "ResNet-18", "ResNet-50", "ResNeXt-50-32x4d"])
@torch.no_grad()
def test_pycls_weights_give_the_logits_that_pycls_names_imply(name):
    torch.manual_seed(0)
    ours = randomised(published(name))
    stages = published(name).stages
    x = torch.rand(2, 3, 40, 40)
    state = weights(ours, "pycls", reverse_channels=True)
    logits = pycls_forward(state, x.flip(1), [s.stride for s in stages], [s.group_width for s in stages])
    torch.testing.assert_close(ours(x), logits, rtol=1e-5, atol=1e-5)
    back = build(published(name))
    load_weights(back, {"model_state": state, "epoch": 3}, "pycls", reverse_channels=True)
    assert_same_logits(ours, back)


def test_key_names_of_pycls_are_those_of_its_documentation():
    stages = (
        Stage(depth=1, width=16, group_width=8, se_ratio=0.25),
        Stage(block="basic", depth=2, width=16, stride=1),
        Stage(block="vanilla", depth=1, width=16),
    )
    keys = weights(build(Architecture(stem=Stem(width=8), stages=stages)), "pycls")
    names = [key for key in keys if "running" not in key and "num_batches" not in key and "bn" not in key]
    assert names == [
        "stem.conv.weight",
        "s1.b1.proj.weight",
        "s1.b1.f.a.weight",
        "s1.b1.f.b.weight",
        *(f"s1.b1.f.se.f_ex.{i}.{kind}" for i in (0, 2) for kind in ("weight", "bias")),
        "s1.b1.f.c.weight",
        *(f"s2.b{j}.f.{conv}.weight" for j in (1, 2) for conv in "ab"),
        "s3.b1.a.weight",
        "s3.b1.b.weight",
        "head.fc.weight",
        "head.fc.bias",
    ]
    norms = sorted(key for key in keys if key.endswith("running_mean"))
    assert norms == sorted(
        f"{module}.running_mean"
        for module in (
            *("stem.bn", "s1.b1.bn", "s3.b1.a_bn", "s3.b1.b_bn"),
            *(f"s1.b1.f.{c}_bn" for c in "abc"),
            *(f"s2.b{j}.f.{c}_bn" for j in (1, 2) for c in "ab"),
        )
    )


TINY = Architecture(stem=Stem(width=8), stages=(Stage(depth=2, width=16, group_width=8),), num_classes=3)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".pyth"])
@pytest.mark.parametrize("layout", ["dsx", "pycls", "torchvision", "timm"])
def test_files_come_back_as_they_were_written(tmp_path, suffix, layout):
    ours, back = randomised(TINY).to(memory_format=torch.channels_last), build(TINY)
    path = save_weights(ours, tmp_path / f"w{suffix}", layout)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert load_weights(back, path) in (layout, "dsx")
    assert_same_state(ours, back)


def test_safetensors_files_hold_the_architecture(tmp_path):
    path = save_weights(build(TINY), tmp_path / "w.safetensors")
    with safe_open(path, "pt") as file:
        assert Architecture.from_dict(json.loads(file.metadata()["dsx"])["architecture"]) == TINY


def test_weights_of_wrapped_networks_and_of_old_files_without_counters_load():
    ours, back = randomised(TINY), build(TINY).eval()
    state = {f"module._orig_mod.{k}": v for k, v in weights(ours, "timm").items() if "num_batches" not in k}
    assert load_weights(back, {"state_dict": state}) == "timm"
    assert_same_logits(ours, back)


BLOCK = "trunk_output.block1.block1-0"


def without(state, key):
    return {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda s: without(s, f"{BLOCK}.f.a.0.weight"), f"missing {BLOCK}.f.a.0.weight"),
        (lambda s: {**s, "extra": torch.zeros(1)}, "unexpected extra"),
        (lambda s: {**s, "fc.bias": torch.zeros(9)}, "shapes fc.bias (9,) instead of (3,)"),
        (
            lambda s: {**without(s, "fc.weight"), "fc.w": torch.zeros(1), "fc.bias": torch.zeros(9)},
            "missing fc.weight; unexpected fc.w; shapes fc.bias (9,) instead of (3,)",
        ),
        (
            lambda s: {k: v for k, v in s.items() if ".proj." not in k and "stem" not in k},
            "missing stem.0.weight, stem.1.weight, stem.1.bias, stem.1.running_mean, stem.1.running_var and 5 more",
        ),
    ],
)  # fmt: skip
def test_a_mismatch_names_the_keys_and_loads_nothing(change, complaint):
    network = build(TINY)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(DsxError) as refusal:
        load_weights(network, change(weights(randomised(TINY), "torchvision")))
    assert str(refusal.value) == (
        f"state dict: weights of layout 'torchvision' do not fit this network: {complaint}. Nothing was loaded"
    )
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"stem.conv.weight": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(DsxError, match=r"evil\.pt: refused: it holds more than weights"):
        load_weights(build(TINY), tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_other_mistakes_are_refused_in_one_line(tmp_path):
    network = build(TINY)
    (tmp_path / "t.safetensors").write_bytes(b"\x08\x00")
    (tmp_path / "torn.pt").write_bytes(b"")
    vanilla = build(Architecture(stages=(Stage(block="vanilla", depth=1, width=8),)))
    gray = build(Architecture(stages=(Stage(block="vanilla", depth=1, width=8),), in_channels=1))
    for act, message in [
        (lambda: load_weights(network, tmp_path / "no.pt"), f"{tmp_path}/no.pt: no such weights file"),
        (lambda: load_weights(network, tmp_path / "t.safetensors"), "t.safetensors: not a readable weights file ("),
        (lambda: load_weights(network, tmp_path / "torn.pt"), "torn.pt: not a readable weights file ("),
        (lambda: load_weights(network, {}), "state dict: not a state dict: it is empty; known checkpoints keep"),
        (lambda: load_weights(network, {"a": 3}), "state dict: not a state dict: a is not a tensor; known"),
        (lambda: weights(network, "tim"), "unknown layout 'tim'. Did you mean timm? Known: dsx, pycls, torchvision"),
        (lambda: weights(vanilla, "timm"), "layout 'timm' has no place for s1.b1.a; use layout dsx"),
        (lambda: save_weights(network, tmp_path / "w.bin"), "unknown kind of weights file '.bin': use .safetens"),
        (lambda: save_weights(network, tmp_path / "no" / "w.pt"), "there is no folder "),
        (lambda: weights(gray, reverse_channels=True), "for 3 input channels; this network has 1"),
    ]:  # fmt: skip
        with pytest.raises(DsxError) as refusal:
            act()
        assert message in str(refusal.value)
        assert "\n" not in str(refusal.value)

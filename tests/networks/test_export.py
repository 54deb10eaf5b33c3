"""Exported networks, run by onnxruntime, give torch's logits."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from dsx.base.errors import DsxError
from dsx.networks import export as export_module
from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Head, Stage, Stem
from dsx.networks.baselines import Baseline
from dsx.networks.export import export, export_onnx
from dsx.networks.published import published
from dsx.networks.weights import load_weights, save_weights

MIXED = Architecture(
    stem=Stem(type="resnet", width=8),
    stages=(
        Stage(depth=2, width=16, group_width=4, se_ratio=0.25, bottleneck_ratio=2),
        Stage(block="vanilla", depth=1, width=8, stride=1),
        Stage(block="linear_bottleneck", depth=2, width=8, stride=1, group_width=1, bottleneck_ratio=0.5),
    ),
    head=Head(width=12),
    activation="silu",
    num_classes=5,
    in_channels=1,
)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "resolution"), [(MIXED, 33), (published("RegNetX-200MF"), 48)])
def test_onnx_gives_the_same_logits_at_any_batch_size(tmp_path, architecture, resolution):
    torch.manual_seed(0)
    network = build(architecture)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.5, 0.5)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
    path = export_onnx(network, tmp_path / "network.onnx", (architecture.in_channels, resolution, resolution))
    assert network.training
    assert [file.name for file in tmp_path.iterdir()] == ["network.onnx"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = torch.rand(batch, architecture.in_channels, resolution, resolution)
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(logits, network.eval()(images).numpy(), rtol=1e-4, atol=1e-5)


def test_weights_are_loaded_before_and_written_in_the_layout_asked_for(tmp_path):
    torch.manual_seed(3)
    network = build(MIXED)
    first = save_weights(network, tmp_path / "first.safetensors")
    second = export(MIXED, tmp_path / "second.pth", 32, weights=first, layout="pycls")
    back = build(MIXED)
    load_weights(back, second, "pycls")
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), back.state_dict().values(), strict=True)
    )


def test_random_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone(tmp_path):
    torch.manual_seed(1)
    files = [export(MIXED, tmp_path / f"{i}.safetensors", 32, seed=seed) for i, seed in enumerate((5, 5, 6))]
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1))
    contents = [file.read_bytes() for file in files]
    assert contents[0] == contents[1] != contents[2]


def test_mistakes_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    with pytest.raises(DsxError, match=r"^resolution 7 is too small: stem and stages reduce it 8-fold;"):
        export(MIXED, tmp_path / "a.onnx", 7)
    with pytest.raises(DsxError, match=r"no: |there is no folder"):
        export(MIXED, tmp_path / "no" / "a.onnx", 32)
    with pytest.raises(
        DsxError, match=r"^networks that dsx does not build itself are exported to \.onnx with random weights only"
    ):
        export(Baseline(baseline="MobileNetV2"), tmp_path / "a.safetensors")
    monkeypatch.setattr(export_module, "find_spec", lambda name: None)
    with pytest.raises(DsxError) as refusal:
        export(MIXED, tmp_path / "a.onnx", 32)
    assert str(refusal.value) == "writing ONNX needs the package onnx: pip install 'dsx[onnx]'"
    assert list(tmp_path.iterdir()) == []

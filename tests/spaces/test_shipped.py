"""Every shipped space: it samples, its networks build and train, and its complexity is what hooks count."""

import pytest
import torch
from torch import nn

import dsx
from dsx.base import resources
from dsx.base.units import parse_range
from dsx.networks.architecture import Architecture
from dsx.spaces.definition import load_space

from shipped_spaces import SHIPPED_SPACES, models_of

PAPERS = (
    ["RegNet", "RegNetX", "RegNetX-limited", "RegNetX-top", "RegNetY", "RegNetY-swish", "RegNetX-inverted"]
    + ["RegNetX-depthwise", "RegNetX-depth20", "RegNet-wm2", "RegNet-w0-is-wa", "RegNet-5stages"]
    + [f"AnyNet{block}{letter}" for block in ("X", "R", "V", "VR") for letter in "ABCDE"]
    + [f"AnyNetX{letter}-5stages" for letter in "ABCDE"]
    + [f"RegNet{block}" for block in ("R", "V", "VR")]
    + [f"NDS-{n}{scale}" for n in ("Vanilla", "ResNet", "ResNeXt-A", "ResNeXt-B") for scale in ("", "-ImageNet")]
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_spaces_of_both_papers_are_there():
    assert set(PAPERS) <= set(resources.names("spaces"))


@pytest.mark.parametrize("name", SHIPPED_SPACES)
def test_a_shipped_space_gives_models_that_train(name):
    space = load_space(resources.shipped("spaces") / f"{name}.yaml")
    assert space.name == name
    assert space.description
    assert space.source
    number = models_of(name, 50)
    population = dsx.sample(space, number)
    assert len({(model.model_id, str(model.recipe_overrides)) for model in population}) == number
    for metric, text in space.constraint_texts.items():
        if metric in ("flops", "params", "acts"):
            low, high = parse_range(text)
            assert ((getattr(population, metric) >= low) & (getattr(population, metric) <= high)).all()
    model = population[int(population.params.argmin())]
    resolution = max(model.architecture.total_stride, 8)
    network = dsx.build(model.architecture)
    images = torch.randn(2, model.architecture.in_channels, resolution, resolution)
    outputs: list[tuple[nn.Module, torch.Size]] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.MaxPool2d):
            module.register_forward_hook(lambda module, _, out: outputs.append((module, out.shape[1:])))
    logits = network(images)
    nn.functional.cross_entropy(logits, torch.zeros(2, dtype=torch.long)).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert dsx.complexity(model.architecture, resolution) == counted(network, outputs)


def counted(network: nn.Module, outputs: list[tuple[nn.Module, torch.Size]]) -> tuple[int, int, int]:
    """Multiply-adds (bias included), parameters, and output elements, from what really ran."""
    flops = acts = 0
    for module, shape in outputs:
        acts += shape.numel()
        if isinstance(module, nn.Conv2d):
            per_output = module.weight[0].numel() + (module.bias is not None)
            flops += per_output * shape.numel()
        elif isinstance(module, nn.Linear):
            flops += (module.in_features + 1) * module.out_features
    return flops, sum(p.numel() for p in network.parameters()), acts


@pytest.mark.parametrize("name", SHIPPED_SPACES)
def test_closed_form_complexity_of_a_few_models_is_in_the_population(name):
    population = dsx.sample(load_space(resources.shipped("spaces") / f"{name}.yaml"), models_of(name, 3))
    for model in population:
        resolution = model.recipe_overrides.get("resolution", population.resolution)
        assert isinstance(model.architecture, Architecture)
        assert dsx.complexity(model.architecture, resolution) == (model.flops, model.params, model.acts)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("AnyNetXD", lambda m: m.architecture.block_widths == sorted(m.architecture.block_widths)),
        ("AnyNetXE", lambda m: depths(m) == sorted(depths(m))),
        ("AnyNetXC-equal-widths", lambda m: len({s["width"] for s in m.architecture.to_dict()["stages"]}) == 1),
        ("AnyNetXD-decreasing-depths", lambda m: depths(m) == sorted(depths(m), reverse=True)),
        ("RegNetX", lambda m: m.architecture.depth <= 40 and m.setting["wm"] >= 2),
        ("RegNetX-top", lambda m: 12 <= m.architecture.depth <= 28),
        ("RegNetX-depth20", lambda m: m.architecture.depth == 20),
        ("RegNetX-limited", lambda m: m.params <= 3e6 + 5.5e-3 * m.flops and m.acts <= 6.5e6 * (m.flops / 1e9) ** 0.5),
        ("RegNetX-depthwise", lambda m: all(s.group_width == 1 for s in m.architecture.stages)),
        ("RegNetX-inverted", lambda m: all(0.125 <= s.bottleneck_ratio <= 1 for s in m.architecture.stages)),
        ("RegNetX-3stages", lambda m: len(m.architecture.stages) == 3),
        ("RegNet-5stages", lambda m: len(m.architecture.stages) == 5),
        ("RegNetY", lambda m: all(s.se_ratio == 0.25 for s in m.architecture.stages)),
        ("RegNetY-swish", lambda m: m.architecture.activation == "silu"),
        ("RegNet-wm2", lambda m: m.setting["wm"] == 2),
        ("RegNet-w0-is-wa", lambda m: m.setting["w0"] == m.setting["wa"]),
        ("NDS-ResNet", lambda m: [s.stride for s in m.architecture.stages] == [1, 2, 2]),
    ],
)
def test_a_shipped_space_is_what_its_name_says(name, holds):
    assert all(holds(model) for model in dsx.sample(dsx.load_space(name), 20))


def depths(model):
    return [stage.depth for stage in model.architecture.stages]

"""Memory of feature maps in closed form, against what torch holds while it works."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

import dsx as dsx_api
from dsx.base.errors import DefinitionError
from dsx.networks.architecture import Architecture, ArchitectureTable, Head, Stage, Stem
from dsx.networks.complexity import layers
from dsx.networks.cost import Memory
from dsx.networks.counting import count_memory
from dsx.networks.layers import USER_BLOCKS, Block, Conv
from dsx.networks.memory import memory_table

BLOCKS = ("x", "r", "v", "vr", "vanilla", "basic", "linear_bottleneck")


def in_closed_form(architecture: Architecture, resolution: int, batch: int) -> Memory:
    table = memory_table(ArchitectureTable.of([architecture]), resolution, batch)
    return Memory(*(int(values[0]) for values in table))


def in_torch(architecture: Architecture, resolution: int, batch: int, device: str = "meta") -> Memory:
    with torch.device(device):
        images = torch.empty(batch, architecture.in_channels, resolution, resolution)
        return count_memory(dsx_api.build(architecture), images)


def net(
    block: str = "x", activation: str = "relu", stem: str = "cifar", head: int = 0, squeeze: float = 0.0, **of: int
):
    grouped, squeezed = block in ("x", "linear_bottleneck"), block in ("x", "r", "linear_bottleneck")
    fields = {"block": block, "group_width": 4 if grouped else None, "se_ratio": squeeze if squeezed else 0.0}
    shapes = ((1, 8, 1), (3, 16, 2), (of.get("depth", 2), 16, 2))
    stages = [Stage(depth=depth, width=width, stride=stride, **fields) for depth, width, stride in shapes]
    options = {"activation": activation, "num_classes": 10, "in_channels": 3}
    return Architecture(stem=Stem(type=stem, width=8), stages=stages, head=Head(width=head), **options)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    ("activation", "stem", "head"),
    [
        ("relu", "cifar", 0),
        *(pytest.param(*others, marks=pytest.mark.slow) for others in (("silu", "simple", 12), ("gelu", "resnet", 0))),
        pytest.param("silu", "resnet", 0, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("squeeze", [0.0, 0.25])
def test_every_block_stem_and_head_is_what_torch_holds(block, activation, stem, head, squeeze):
    architecture = net(block, activation, stem, head, squeeze)
    assert in_closed_form(architecture, 32, 2) == in_torch(architecture, 32, 2)


SPACES = ("AnyNetXA-32", "AnyNetXE-32", "RegNetY-32", "AnyNetVA-32", "AnyNetRA-32")


@pytest.mark.parametrize("name", SPACES[:3])
def test_of_a_sampled_network_it_is_what_torch_holds(name):
    (model,) = dsx_api.sample(dsx_api.load_space(name), 1, seed=2)
    assert in_closed_form(model.architecture, 32, 2) == in_torch(model.architecture, 32, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_of_fifty_sampled_networks_it_is_what_torch_holds(name):
    for model in dsx_api.sample(dsx_api.load_space(name), 10, seed=1):
        assert in_closed_form(model.architecture, 32, 2) == in_torch(model.architecture, 32, 2)


@pytest.mark.parametrize("block", ["x", "basic"])
def test_on_a_cpu_it_is_the_same_as_without_data(block):
    assert in_torch(net(block), 16, 2, "cpu") == in_closed_form(net(block), 16, 2)


def test_two_gradients_of_one_feature_map_are_added_in_place():
    """Unwatched: what leaves the last block of a stage by its shortcut is where the sum comes to the block before."""
    network = dsx_api.build(net("r")).train()
    places: dict[str, int] = {}

    def look(module, _inputs, output, name):
        output.grad_fn.register_prehook(lambda into: places.update({f"into {name}": into[0].data_ptr()}))
        output.grad_fn.register_hook(lambda out, _into: places.update({f"out of {name}": out[0].data_ptr()}))

    for name in ("b1", "b2", "b3"):
        network.s2.get_submodule(name).register_forward_hook(functools.partial(look, name=name))
    network(torch.zeros(2, 3, 16, 16)).sum().backward()
    assert places["out of b3"] == places["into b2"]
    assert places["out of b2"] == places["into b1"]


# y = linear(x), 2 of 4: bytes of one such map
MAP = 2 * 4 * 4


@pytest.mark.parametrize(
    ("function", "maps"),
    [
        # images, output, its gradient, and the sum of that and itself, for which it cannot be overwritten
        (lambda y: y + y, 4),
        # images, output, its gradient, that of relu's input, and the sum of both: the first is not ours to overwrite
        (lambda y: y + y.relu(), 5),
        # images, output, its gradient, y, the gradient that exp gives, cos(y), the gradient that sin gives; in place
        (lambda y: y.sin() + y.exp(), 7),
    ],
)
def test_steps_by_hand(function, maps):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)

        def forward(self, x):
            return function(self.linear(x))

    with torch.device("meta"):
        assert count_memory(Net(), torch.empty(2, 4)).training_memory == maps * MAP


def test_a_network_by_hand():
    """One block of one conv after a stem of one conv, 3×4×4 images: what is alive, element by element."""
    stage = Stage(block="v", depth=1, width=5, stride=2)
    architecture = Architecture(stem=Stem(type="cifar", width=2), stages=[stage], num_classes=7)
    images, stem, block = 3 * 16, 2 * 16, 5 * 4
    # in evaluation, images and the stem's conv with its norm, or the block's. In training, what is kept: images, both
    # convs, their norms' outputs, statistics; gradients of a norm's output and of its input; the output, its gradient
    kept = images + 2 * stem + 2 * 2
    assert in_closed_form(architecture, 4, 1) == (
        4 * max(images + 2 * stem, images + stem + 2 * block),
        4 * (max(kept + 2 * stem, kept + block + stem, kept + 2 * block + 2 * 5 + 2 * block) + 2 * 7),
    )


def test_a_table_is_its_architectures():
    architectures = [net(depth=depth) for depth in (1, 2, 5)]
    table = memory_table(ArchitectureTable.of(architectures), 32)
    assert np.array(table).T.tolist() == [list(in_closed_form(a, 32, 1)) for a in architectures]


def test_networks_without_some_stages_hold_nothing_for_them():
    long, short = net(), shortened(net())
    table = memory_table(ArchitectureTable.of([long, short]), 32)
    assert np.array(table).T.tolist() == [list(in_closed_form(a, 32, 1)) for a in (long, short)]


def shortened(architecture: Architecture) -> Architecture:
    return architecture.model_copy(update={"stages": architecture.stages[:-1]})


def test_a_block_with_a_module_of_its_own_is_named(monkeypatch):
    convs = lambda w_in, w, inner, groups, stride, squeeze: [Conv("a", 3, w_in, w, stride=stride)]  # noqa: E731
    monkeypatch.setitem(USER_BLOCKS, "mine@1", Block(convs, module=lambda *_: None))
    table = ArchitectureTable.of([Architecture(stages=[Stage(block="mine@1", depth=1, width=8)])])
    with pytest.raises(DefinitionError) as refusal:
        memory_table(table)
    assert str(refusal.value) == (
        "block 'mine': its memory is not known, as it has a module of its own; leave inference_memory and"
        " training_memory out of rules and constraints"
    )


@pytest.mark.slow
def test_windows_and_rules_on_memory_and_stages_hold_in_the_population():
    limits = {
        "constraints.training_memory": "50k:200k", "constraints.stage_params": ":20k",
        "rules.small": "inference_memory <= 40000", "rules.even": "max(stage_acts) <= 4 * min(stage_acts)",
    }  # fmt: skip
    space = dsx_api.load_space("AnyNetXA-digits", {"constraints.flops": None, **limits})
    for model in dsx_api.sample(space, 4):
        held = in_closed_form(model.architecture, 8, 1)
        assert in_closed_form(model.architecture, 8, 2) == in_torch(model.architecture, 8, 2)  # norms train on no pixel
        assert held.inference_memory <= 40000
        assert 50_000 <= held.training_memory <= 200_000
        rows = [row for row in layers(model.architecture, 8) if row.stage not in ("stem", "head")]
        stages = {row.stage: [each.complexity for each in rows if each.stage == row.stage] for row in rows}
        assert len(stages) == len(model.architecture.stages)
        assert max(sum(cost.params for cost in costs) for costs in stages.values()) <= 20_000
        acts = [sum(cost.acts for cost in costs) for costs in stages.values()]
        assert max(acts) <= 4 * min(acts)

"""Memory of feature maps in closed form, against what torch holds and keeps."""

from __future__ import annotations

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
    [("relu", "cifar", 0), ("silu", "simple", 12), ("gelu", "resnet", 0), ("silu", "resnet", 0)],
)
@pytest.mark.parametrize("squeeze", [0.0, 0.25])
def test_every_block_stem_and_head_is_what_torch_holds(block, activation, stem, head, squeeze):
    architecture = net(block, activation, stem, head, squeeze)
    assert in_closed_form(architecture, 32, 2) == in_torch(architecture, 32, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AnyNetXA-32", "AnyNetXE-32", "RegNetY-32", "AnyNetVA-32", "AnyNetRA-32"])
def test_of_sampled_networks_it_is_what_torch_holds(name):
    for model in dsx_api.sample(dsx_api.load_space(name), 10, seed=1):
        assert in_closed_form(model.architecture, 32, 2) == in_torch(model.architecture, 32, 2)


@pytest.mark.parametrize("block", ["x", "basic"])
def test_on_a_cpu_it_is_the_same_as_without_data(block):
    assert in_torch(net(block), 16, 2, "cpu") == in_closed_form(net(block), 16, 2)


def test_a_network_by_hand():
    """One block of one conv after a stem of one conv, 3×4×4 images: what is alive and kept, element by element."""
    stage = Stage(block="v", depth=1, width=5, stride=2)
    architecture = Architecture(stem=Stem(type="cifar", width=2), stages=[stage], num_classes=7)
    images, stem, block = 3 * 16, 2 * 16, 5 * 4
    # images and stem's conv with its norm; what is kept: both convs, their norms' outputs, statistics, the means
    assert in_closed_form(architecture, 4, 1) == (
        4 * max(images + 2 * stem, images + stem + 2 * block),
        4 * (images + 2 * stem + 2 * 2 + 2 * block + 2 * 5 + 5),
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


def test_windows_and_rules_on_memory_and_stages_hold_in_the_population():
    limits = {
        "constraints.training_memory": "50k:200k", "constraints.stage_params": ":20k",
        "rules.small": "inference_memory <= 40000", "rules.even": "max(stage_acts) <= 4 * min(stage_acts)",
    }  # fmt: skip
    space = dsx_api.load_space("AnyNetXA-digits", {"constraints.flops": None, **limits})
    for model in dsx_api.sample(space, 10):
        two, three = (in_torch(model.architecture, 8, batch) for batch in (2, 3))  # norms train on no single pixel
        held = Memory(*(2 * a - b for a, b in zip(two, three, strict=True)))
        assert held.inference_memory <= 40000
        assert 50_000 <= held.training_memory <= 200_000
        rows = [row for row in layers(model.architecture, 8) if row.stage not in ("stem", "head")]
        stages = {row.stage: [each.complexity for each in rows if each.stage == row.stage] for row in rows}
        assert len(stages) == len(model.architecture.stages)
        assert max(sum(cost.params for cost in costs) for costs in stages.values()) <= 20_000
        acts = [sum(cost.acts for cost in costs) for costs in stages.values()]
        assert max(acts) <= 4 * min(acts)

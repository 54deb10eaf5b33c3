"""An architecture as a module: its parts by name, its output's shape, its weights a function of the seed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import dsx
from dsx.base.errors import DsxError
from dsx.networks.anynet import AnyNet, build
from dsx.networks.baselines import BASELINES
from dsx.networks.blocks import Norm
from dsx.networks.lookup import find_network


def test_stages_and_blocks_are_named_from_one(tiny):
    network = build(tiny())
    assert isinstance(network, AnyNet)
    assert [name for name, _ in network.named_children()] == ["stem", "s1", "s2", "head"]
    assert [name for name, _ in network.s1.named_children()] == ["b1"]
    assert network.architecture == tiny()


@pytest.mark.parametrize(("in_channels", "num_classes"), [(1, 10), (3, 7)])
def test_images_become_one_score_a_class(tiny, in_channels, num_classes):
    network = build(tiny(in_channels, num_classes)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, in_channels, 8, 8)).shape == (2, num_classes)
        assert network(torch.zeros(2, in_channels, 16, 16)).shape == (2, num_classes)


def test_only_the_first_block_of_a_stage_has_its_stride(tiny):
    deep = tiny().to_dict()
    deep["stages"][1]["depth"] = 3
    network = build(type(tiny()).from_dict(deep)).eval()
    with torch.no_grad():
        maps = network.stem(torch.zeros(1, 1, 8, 8))
        sizes = [maps.shape[-1]]
        for block in (*network.s1, *network.s2):
            maps = block(maps)
            sizes.append(maps.shape[-1])
    assert sizes == [8, 8, 4, 4, 4]


def test_weights_are_a_function_of_the_seed(tiny):
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(build(tiny()).parameters())

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_batch_norm_is_as_asked(tiny):
    network = build(tiny(), norm=Norm(eps=1e-3, momentum=0.3))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert {(module.eps, module.momentum) for module in norms} == {(1e-3, 0.3)}


def test_a_baseline_is_built_too():
    network = find_network(next(iter(BASELINES)))
    assert not isinstance(build(network), AnyNet)


def test_a_model_of_a_population_is_not_its_architecture():
    with pytest.raises(DsxError) as told:
        build(dsx.sample("AnyNetXE-digits", 1)[0])
    assert str(told.value) == "expected an Architecture, found Model: its .architecture is one"

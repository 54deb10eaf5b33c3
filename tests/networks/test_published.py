"""Networks of the literature: their shapes, and every complexity that somebody published."""

import csv
from pathlib import Path

import pytest
import torch
from torchvision import models

from dsx.base.errors import DefinitionError
from dsx.networks.anynet import build
from dsx.networks.complexity import complexity, layers
from dsx.networks.published import published, published_names, published_record

PAPER = list(csv.DictReader((Path(__file__).parent / "paper_models.csv").open()))
TORCHVISION = {
    "RegNetX-400MF-torchvision": "regnet_x_400mf",
    "RegNetX-800MF": "regnet_x_800mf",
    "RegNetX-1.6GF": "regnet_x_1_6gf",
    "RegNetX-3.2GF": "regnet_x_3_2gf",
    "RegNetX-8.0GF": "regnet_x_8gf",
    "RegNetX-16GF": "regnet_x_16gf",
    "RegNetX-32GF": "regnet_x_32gf",
    "RegNetY-400MF": "regnet_y_400mf",
    "RegNetY-800MF-torchvision": "regnet_y_800mf",
    "RegNetY-1.6GF": "regnet_y_1_6gf",
    "RegNetY-3.2GF": "regnet_y_3_2gf",
    "RegNetY-8.0GF-torchvision": "regnet_y_8gf",
    "RegNetY-16GF": "regnet_y_16gf",
    "RegNetY-32GF": "regnet_y_32gf",
    "ResNet-18": "resnet18",
    "ResNet-34": "resnet34",
    "ResNet-50": "resnet50",
    "ResNet-101": "resnet101",
    "ResNet-152": "resnet152",
    "ResNeXt-50-32x4d": "resnext50_32x4d",
}


@pytest.mark.parametrize("row", PAPER, ids=lambda row: row["name"])
def test_regnets_are_those_of_the_paper(row):
    record = published_record(row["name"])
    stages = record.architecture.stages
    assert [s.depth for s in stages] == [int(x) for x in row["stage_depths"].split()]
    assert [s.width for s in stages] == [int(x) for x in row["stage_widths"].split()]
    assert [s.group_width for s in stages] == [int(x) for x in row["stage_group_ws"].split()]
    counts = tuple(int(row[key]) for key in ("flops", "params", "acts"))
    assert record.complexity == complexity(record.architecture) == counts
    assert record.error_pct == float(row["paper_top1_mean"])


@pytest.mark.parametrize("name", published_names())
def test_complexity_agrees_with_every_published_figure_to_its_last_digit(name):
    record = published_record(name)
    flops, params, acts = complexity(record.architecture, record.resolution)
    # as the figures were counted: without the max-pool, and for the CIFAR networks with 5 flops per conv output
    acts -= sum(layer.complexity.acts for layer in layers(record.architecture, 224) if layer.layer == "stem.pool")
    if record.resolution == 32:
        flops += 5 * (acts - record.architecture.num_classes)
    for ours, theirs, unit in zip((flops, params, acts), record.complexity, record.rounding, strict=True):
        assert theirs is None or (ours == theirs if unit == 1 else abs(ours - theirs) <= unit / 2)


@pytest.mark.parametrize(("name", "theirs"), TORCHVISION.items())
def test_params_and_operations_are_those_torchvision_publishes(name, theirs):
    meta = models.get_model_weights(theirs)["IMAGENET1K_V1"].meta
    found = complexity(published(name))
    assert found.params == meta["num_params"]
    assert found.flops / 1e9 == pytest.approx(meta["_ops"], abs=0.00051)


def test_flops_of_resnet_56_are_the_cap_of_the_nds_study():
    network = published("ResNet-56")
    flops, params, acts = complexity(network, 32)
    assert (flops + 5 * (acts - 10), params) == (128_471_690, 855_770)


@pytest.mark.parametrize("name", ["RegNetX-200MF", "RegNetY-200MF", "ResNet-18", "ResNeXt-50-32x4d", "ResNet-56"])
def test_built_networks_have_the_published_number_of_params_and_classify(name):
    architecture = published(name)
    network = build(architecture).eval()
    assert sum(p.numel() for p in network.parameters()) == complexity(architecture, 64).params
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 33, 47)).shape == (2, architecture.num_classes)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("regnetx-400mf", "RegNetX-400MF"),
        ("RegNetY4.0GF", "RegNetY-4.0GF"),
        ("resnet50", "ResNet-50"),
        ("ResNeXt-50", "ResNet-50"),
    ],
)
def test_an_unknown_name_gets_a_near_miss_and_the_list(name, near):
    with pytest.raises(DefinitionError) as refusal:
        published(name)
    assert str(refusal.value).startswith(f"unknown network '{name}'. Did you mean {near}? Known: RegNetX-200MF, ")
    assert str(refusal.value).endswith("ResNet-56, ResNet-110")

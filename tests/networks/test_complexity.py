"""Closed-form complexity against the built network, fvcore, the authors' published counts and the vectorised form."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from dsx.base.errors import DefinitionError
from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, ArchitectureTable, Head, Stage, Stem
from dsx.networks.complexity import complexity, complexity_table, layers
from dsx.networks.cost import Complexity
from dsx.networks.layers import BLOCKS, STEMS

PAPER = list(csv.DictReader((Path(__file__).parent / "paper_models.csv").open()))


@st.composite
def stages(draw, block):
    kind = BLOCKS[block]
    bottleneck = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0])) if kind.bottleneck else 1.0
    group = draw(st.sampled_from([1, 2, 3, 8]))
    inner = group * draw(st.integers(1, 4)) * 4  # divisible by 4, so that b = 1/4 gives a whole width
    return Stage(
        block=block,
        depth=draw(st.integers(1, 3)),
        width=int(inner * bottleneck),
        stride=draw(st.integers(1, 3)),
        bottleneck_ratio=bottleneck,
        group_width=group if kind.grouped else None,
        se_ratio=draw(st.sampled_from([0.0, 0.25, 0.6])) if kind.squeeze else 0.0,
    )


@st.composite
def architectures(draw):
    blocks = draw(st.lists(st.sampled_from(sorted(BLOCKS)), min_size=1, max_size=3))
    return Architecture(
        stem=Stem(type=draw(st.sampled_from(sorted(STEMS))), width=draw(st.integers(4, 16))),
        stages=tuple(draw(stages(block)) for block in blocks),
        head=Head(width=draw(st.sampled_from([0, 20]))),
        activation=draw(st.sampled_from(["relu", "silu", "gelu"])),
        num_classes=draw(st.integers(1, 12)),
        in_channels=draw(st.integers(1, 4)),
    )


def measured(network: nn.Module, images: torch.Tensor) -> Complexity:
    """flops by fvcore plus one per output element of a layer with bias, which fvcore leaves out; acts by hooks."""
    outputs: list[tuple[nn.Module, int]] = []
    handles = [
        module.register_forward_hook(lambda module, _, output: outputs.append((module, output.numel())))
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.MaxPool2d))
    ]
    with torch.no_grad():
        logits = network(images)
    assert logits.shape[0] == 1
    for handle in handles:
        handle.remove()
    counter = FlopCountAnalysis(network, images).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    by_operator = counter.by_operator()
    biases = sum(n for module, n in outputs if getattr(module, "bias", None) is not None)
    return Complexity(
        flops=int(by_operator["conv"] + by_operator["linear"]) + biases,
        params=sum(p.numel() for p in network.parameters()),
        acts=sum(n for _, n in outputs),
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(architecture=architectures(), extra=st.integers(0, 20))
def test_closed_form_equals_what_the_built_network_does(architecture, extra):
    resolution = max(8, architecture.total_stride) + extra
    network = build(architecture).eval()
    images = torch.zeros(1, architecture.in_channels, resolution, resolution)
    assert complexity(architecture, resolution) == measured(network, images)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(architecture=architectures(), resolution=st.integers(108, 230))
def test_the_layers_add_up_to_the_total_and_a_table_of_one_agrees(architecture, resolution):
    total = complexity(architecture, resolution)
    parts = [layer.complexity for layer in layers(architecture, resolution)]
    assert total == tuple(sum(values) for values in zip(*parts, strict=True))
    assert tuple(int(v[0]) for v in complexity_table(ArchitectureTable.of([architecture]), resolution)) == total


def test_table_of_many_networks_equals_one_at_a_time_also_with_missing_stages():
    rng = np.random.default_rng(0)

    def random_stage() -> Stage:
        group, b = int(rng.choice([1, 2, 8])), float(rng.choice([0.5, 1, 4]))
        return Stage(
            depth=int(rng.integers(1, 6)),
            width=int(group * 8 * rng.integers(1, 20) * b),
            stride=int(rng.integers(1, 4)),
            bottleneck_ratio=b,
            group_width=group,
            se_ratio=float(rng.choice([0, 0.25])),
        )

    networks = [
        Architecture(
            stem=Stem(width=int(rng.integers(4, 64))),
            stages=tuple(random_stage() for _ in range(rng.integers(1, 6))),
            head=Head(width=96),
            num_classes=17,
        )
        for _ in range(200)
    ]
    for resolution in (97, 500):
        together = np.stack(complexity_table(ArchitectureTable.of(networks), resolution), axis=1)
        fits = [a.total_stride <= resolution for a in networks]
        alone = [complexity(a, resolution) for a, fit in zip(networks, fits, strict=True) if fit]
        np.testing.assert_array_equal(together[fits], alone)


def test_a_table_takes_one_resolution_for_each_network():
    networks = [Architecture(stages=(Stage(depth=d, width=8 * d, group_width=8),)) for d in (1, 2, 3)]
    resolutions = np.array([32, 65, 224])
    together = np.stack(complexity_table(ArchitectureTable.of(networks), resolutions), axis=1)
    np.testing.assert_array_equal(together, [complexity(a, int(r)) for a, r in zip(networks, resolutions, strict=True)])


@pytest.mark.parametrize("row", PAPER, ids=lambda row: row["name"])
def test_published_regnets_have_the_authors_counts_to_the_integer(row):
    depths, widths, groups = ([int(x) for x in row[f"stage_{key}"].split()] for key in ("depths", "widths", "group_ws"))
    se_ratio = 0.25 if row["se"] == "True" else 0.0
    architecture = Architecture(
        stages=tuple(
            Stage(depth=d, width=w, group_width=g, se_ratio=se_ratio)
            for d, w, g in zip(depths, widths, groups, strict=True)
        )
    )
    assert complexity(architecture, 224) == tuple(int(row[key]) for key in ("flops", "params", "acts"))


def test_a_resolution_below_the_total_stride_is_refused():
    architecture = Architecture(stages=(Stage(depth=1, width=8, group_width=8, stride=4),) * 3)
    assert complexity(architecture, 128).flops > 0
    with pytest.raises(DefinitionError) as refusal:
        complexity(architecture, 127)
    assert str(refusal.value) == (
        "resolution 127 is too small: stem and stages reduce it 128-fold; use at least 128, or smaller strides"
    )

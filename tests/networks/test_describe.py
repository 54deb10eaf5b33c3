"""A network in words."""

from __future__ import annotations

import pytest

from dsx.base.errors import DefinitionError
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.baselines import BASELINES
from dsx.networks.describe import describe_network
from dsx.networks.lookup import find_network


def test_stages_are_listed_with_their_cost_and_exact_totals(tiny):
    """Counted by hand: 8 × 8 pixels, stem 3×3 conv of 1 → 8, block of a (1×1), b (3×3 in groups of 4) and c (1×1)."""
    stem, first = 9 * 8 * 64, (8 * 8 + 8 * 4 * 9 + 8 * 8) * 64
    second = 8 * 16 * 16 + 8 * 16 * 64 + (16 * 4 * 9 + 16 * 16) * 16  # projection, a before the stride, b, c
    lines = describe_network(tiny(), resolution=8).splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["stem", "cifar"], ["stage", "1"], ["stage", "2"]]
    assert lines[2].split()[2:10] == ["x", "1", "8", "1", "1", "4", "0", "8×8"]
    assert lines[3].split()[2:10] == ["x", "1", "16", "2", "1", "4", "0", "4×4"]
    total = stem + first + second + (16 + 1) * 10
    assert lines[-1].startswith(f"  {total:,} flops, ")
    assert lines[-1].endswith(" acts at 8×8, 10 classes")


def test_layer_by_layer_every_conv_has_a_line_and_the_flops_add_up(tiny):
    text = describe_network(tiny(), resolution=8, per_layer=True).splitlines()
    rows = text[1:-1]
    assert len(rows) == 1 + 3 + 4 + 1  # stem; a, b, c; projection, a, b, c; classifier
    flops = sum(int(row.split()[-3].replace(",", "")) for row in rows)
    assert text[-1].startswith(f"  {flops:,} flops, ")


@pytest.mark.slow
def test_a_network_without_stages_is_told_by_its_totals_alone():
    network = find_network(next(iter(BASELINES)))
    assert len(describe_network(network, 224).splitlines()) == 1


def test_a_block_without_groups_has_none_listed():
    network = Architecture(
        stem=Stem(type="simple", width=8), stages=(Stage(block="v", depth=2, width=8, stride=1),), num_classes=10
    )
    assert describe_network(network, 8).splitlines()[2].split()[2:9] == ["v", "2", "8", "1", "1", "–", "0"]


def test_a_resolution_that_does_not_survive_the_strides_is_refused(tiny):
    with pytest.raises(DefinitionError, match="resolution 1 is too small"):
        describe_network(tiny(), resolution=1)

"""Convs of stems and blocks, one network at a time and over arrays."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.networks.layers import BLOCKS, STEMS, USER_BLOCKS, Block, Conv, Pool, inner_width, squeeze_width


def shapes(block: str, w_in: int, w: int, stride: int, squeeze: int = 0) -> list[tuple]:
    """(name, kernel, in, out, groups, stride) of the convs that are there; inner width 8, 2 groups."""
    convs = BLOCKS[block].convs(w_in, w, 8, 2, stride, squeeze)
    return [(c.name, c.kernel, c.w_in, c.w_out, c.groups, c.stride) for c in convs if c.present]


def test_an_x_block_narrows_convolves_in_groups_and_widens():
    body = [("a", 1, 16, 8, 1, 1), ("b", 3, 8, 8, 2, 1), ("c", 1, 8, 16, 1, 1)]
    assert shapes("x", 16, 16, 1) == body
    assert shapes("linear_bottleneck", 16, 16, 1) == body


@pytest.mark.parametrize(("w_in", "stride"), [(8, 1), (16, 2), (8, 2)])
def test_a_shortcut_is_projected_where_width_or_resolution_changes(w_in, stride):
    assert ("proj", 1, w_in, 16, 1, stride) in shapes("x", w_in, 16, stride)
    assert "proj" not in {name for name, *_ in shapes("linear_bottleneck", w_in, 16, stride)}


def test_blocks_without_a_bottleneck_are_of_3x3_convs_at_full_width():
    assert shapes("v", 8, 16, 2) == [("a", 3, 8, 16, 1, 2)]
    assert shapes("vr", 8, 16, 2) == [("proj", 1, 8, 16, 1, 2), ("a", 3, 8, 16, 1, 2)]
    assert shapes("vanilla", 8, 16, 2) == [("a", 3, 8, 16, 1, 2), ("b", 3, 16, 16, 1, 1)]
    assert shapes("basic", 8, 16, 2) == [("proj", 1, 8, 16, 1, 2), *shapes("vanilla", 8, 16, 2)]


def test_squeeze_and_excitation_works_on_the_inner_width_with_biases_and_without_norm():
    convs = BLOCKS["x"].convs(16, 16, 8, 2, 1, 4)
    squeeze = [c for c in convs if c.name.startswith("se.")]
    assert [(c.w_in, c.w_out, c.bias, c.norm, c.height) for c in squeeze] == [
        (8, 4, True, False, "pooled"),
        (4, 8, True, False, "pooled"),
    ]
    assert [c.name for c in convs] == ["proj", "a", "b", "se.reduce", "se.expand", "c"]


@pytest.mark.parametrize("block", list(BLOCKS))
def test_convs_over_arrays_are_those_of_each_network(block):
    arrays = {
        "w_in": np.array([8, 16, 16]), "w": np.array([16, 16, 16]), "inner": np.array([8, 4, 16]),
        "groups": np.array([1, 2, 4]), "stride": np.array([1, 2, 1]), "squeeze": np.array([0, 4, 2]),
    }  # fmt: skip
    together = BLOCKS[block].convs(*arrays.values())
    for i in range(3):
        alone = BLOCKS[block].convs(*(int(column[i]) for column in arrays.values()))
        for conv, single in zip(together, alone, strict=True):
            for field in ("w_in", "w_out", "groups", "stride", "present"):
                assert np.broadcast_to(getattr(conv, field), 3)[i] == getattr(single, field), (conv.name, field)


def test_inner_and_squeeze_widths_are_whole_and_alike_for_numbers_and_arrays():
    assert inner_width(96, 4.0) == 24
    assert inner_width(96, 0.25) == 384
    assert inner_width(np.array([96, 96]), np.array([4.0, 0.25])).tolist() == [24, 384]
    # a quarter of 10 is 2.5, half to even; a quarter of 1 would be nothing
    assert [squeeze_width(w, 0.25) for w in (10, 14, 64, 1)] == [2, 4, 16, 1]
    assert squeeze_width(np.array([10, 14, 64, 1]), np.array([0.25])).tolist() == [2, 4, 16, 1]
    assert squeeze_width(64, 0) == 0
    assert squeeze_width(np.array([64]), np.array([0.0])).tolist() == [0]


@pytest.mark.parametrize("stem", list(STEMS))
def test_a_stems_strides_multiply_to_its_total(stem):
    layers = STEMS[stem].layers(3, 32)
    assert int(np.prod([layer.stride for layer in layers])) == STEMS[stem].total_stride
    assert all(isinstance(layer, (Conv, Pool)) for layer in layers)
    assert layers[0].w_in == 3


def test_a_users_block_is_found_by_its_versioned_name_and_not_listed(monkeypatch):
    mine = Block(lambda w_in, w, *_: [Conv("a", 1, w_in, w)])
    monkeypatch.setitem(USER_BLOCKS, "mine@1a2b", mine)
    assert BLOCKS["mine@1a2b"] is mine
    assert "mine@1a2b" not in list(BLOCKS)
    with pytest.raises(KeyError, match="yours"):
        BLOCKS["yours"]

"""Quantised-linear widths against a plain block-by-block statement and the published stage lists."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsx.base.errors import DsxError
from dsx.networks.groups import adjust_groups
from dsx.networks.regnet import quantize_widths, quantize_widths_table

# the authors' configurations: (w0, wa, wm, depth, group width) → stage depths and widths of the built networks
PUBLISHED = {
    "RegNetX-200MF": ((24, 36.44, 2.49, 13, 8), [1, 1, 4, 7], [24, 56, 152, 368]),
    "RegNetX-400MF": ((24, 24.48, 2.54, 22, 16), [1, 2, 7, 12], [32, 64, 160, 384]),
    "RegNetX-600MF": ((48, 36.97, 2.24, 16, 24), [1, 3, 5, 7], [48, 96, 240, 528]),
    "RegNetX-800MF": ((56, 35.73, 2.28, 16, 16), [1, 3, 7, 5], [64, 128, 288, 672]),
    "RegNetX-1.6GF": ((80, 34.01, 2.25, 18, 24), [2, 4, 10, 2], [72, 168, 408, 912]),
    "RegNetX-3.2GF": ((88, 26.31, 2.25, 25, 48), [2, 6, 15, 2], [96, 192, 432, 1008]),
    "RegNetX-4.0GF": ((96, 38.65, 2.43, 23, 40), [2, 5, 14, 2], [80, 240, 560, 1360]),
    "RegNetX-8.0GF": ((80, 49.56, 2.88, 23, 120), [2, 5, 15, 1], [80, 240, 720, 1920]),
    "RegNetY-400MF": ((48, 27.89, 2.09, 16, 8), [1, 3, 6, 6], [48, 104, 208, 440]),
    "RegNetY-800MF": ((56, 38.84, 2.4, 14, 16), [1, 3, 8, 2], [64, 128, 320, 768]),
    "RegNetY-3.2GF": ((80, 42.63, 2.66, 21, 24), [2, 5, 13, 1], [72, 216, 576, 1512]),
    "RegNetY-16GF": ((200, 106.23, 2.48, 18, 112), [2, 4, 11, 1], [224, 448, 1232, 3024]),
}


def block_by_block(w0, wa, wm, depth, step):
    """Equations 2 to 4, one block after another: [(level, width)], and whether a level is skipped."""
    blocks = []
    for j in range(depth):
        u = w0 + wa * j
        level = round(math.log(u / w0) / math.log(wm))  # Python rounds half to even
        blocks.append((level, round(w0 * wm**level / step) * step))
    return blocks


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_stages(name):
    (w0, wa, wm, depth, group), depths, widths = PUBLISHED[name]
    stages = quantize_widths(w0, wa, wm, depth)
    assert [stage.depth for stage in stages] == depths
    adjusted, _ = adjust_groups(np.array([s.width for s in stages]), np.ones(4), np.full(4, group))
    assert adjusted.tolist() == widths


PARAMETERS = st.tuples(
    st.integers(1, 32).map(lambda k: 8 * k),
    st.integers(0, 2560).map(lambda k: k / 10),
    st.integers(1500, 3000).map(lambda k: k / 1000),
    st.integers(1, 64),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(parameters=PARAMETERS, step=st.sampled_from([1, 8, 16]))
def test_stages_are_the_runs_of_equal_block_widths(parameters, step):
    w0, wa, wm, depth = parameters
    blocks = [width for _, width in block_by_block(w0, wa, wm, depth, step)]
    runs = [(width, len(list(group))) for width, group in itertools.groupby(blocks)]
    assert [tuple(stage) for stage in quantize_widths(w0, wa, wm, depth, step)] == runs


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(networks=st.lists(st.tuples(PARAMETERS, st.integers(1, 6)), min_size=1, max_size=20))
def test_the_table_agrees_with_one_at_a_time_and_knows_what_is_valid(networks):
    rows = np.array([[*parameters, stages] for parameters, stages in networks])
    widths, depths, valid = quantize_widths_table(*rows[:, :4].T, rows[:, 4], max_stages=6)
    for i, ((w0, wa, wm, depth), stages) in enumerate(networks):
        blocks = block_by_block(w0, wa, wm, depth, 8)
        levels = {level for level, _ in blocks}
        shapes = quantize_widths(w0, wa, wm, depth)
        assert valid[i] == (levels == set(range(stages)) and len(shapes) == stages)
        if valid[i]:
            assert widths[i, :stages].tolist() == [s.width for s in shapes]
            assert depths[i].tolist() == [s.depth for s in shapes] + [0] * (6 - stages)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w0": 0}, "w0 = 0: expected > 0"),
        ({"wa": -1}, "wa = -1: expected ≥ 0"),
        ({"wm": 1}, "wm = 1: expected > 1"),
        ({"depth": 0}, "depth = 0: expected an integer ≥ 1"),
        ({"depth": 2.5}, "depth = 2.5: expected an integer ≥ 1"),
        ({"step": 0}, "step = 0: expected an integer ≥ 1"),
    ],
)
def test_values_outside_the_ranges_are_refused(change, message):
    with pytest.raises(DsxError) as refusal:
        quantize_widths(**({"w0": 24, "wa": 24.48, "wm": 2.54, "depth": 22} | change))
    assert str(refusal.value) == message

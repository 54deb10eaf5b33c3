"""From settings to architectures: group adjustment, sharing, complexity, one part for each kind of network."""

import numpy as np
import pytest
from oracle import adjusted, x_flops

from dsx.spaces.assembly import assemble, assembled_complexity, stage_columns


def settings(**changes):
    """Three settings of the small space."""
    columns = {
        "depth": np.array([[1, 2, 3], [2, 2, 2], [1, 1, 1]]),
        "width": np.array([[8, 16, 24], [24, 16, 32], [8, 8, 8]]),
        "bottleneck_ratio": np.array([1, 2, 2]),
        "group_width": np.array([8, 16, 1]),
    }
    return {**columns, **changes}


def test_widths_are_adjusted_to_whole_groups(small_space):
    (part,) = assemble(small_space(), settings())
    given = settings()
    for row in range(3):
        for stage in range(3):
            b, g = given["bottleneck_ratio"][row], given["group_width"][row]
            width, group = adjusted(int(given["width"][row, stage]), int(b), int(g))
            assert (part.table.width[row, stage], part.table.group_width[row, stage]) == (width, group)


def test_flops_are_those_of_a_plain_count(small_space):
    (part,) = assemble(small_space(), settings())
    table = part.table
    for row, flops in enumerate(assembled_complexity(part, np.ones(len(part.rows), dtype=bool)).flops):
        depth, width, group = (column[row].tolist() for column in (table.depth, table.width, table.group_width))
        ratio = [int(b) for b in table.bottleneck_ratio[row]]
        assert flops == x_flops(8, depth, width, ratio, group, (1, 2, 2), 16, 1, 10)


def test_networks_are_parted_by_what_a_table_shares(small_space):
    space = small_space(parameters={"activation": {"distribution": "choice", "values": ["relu", "silu"]}})
    parts = list(assemble(space, settings(activation=np.array(["silu", "relu", "silu"]))))
    assert [(part.table.activation, part.rows.tolist()) for part in parts] == [("relu", [1]), ("silu", [0, 2])]
    assert parts[1].table.depth.tolist() == [[1, 2, 3], [1, 1, 1]]


def test_text_as_tables_hold_it_is_read_alike(small_space):
    space = small_space(parameters={"activation": {"distribution": "choice", "values": ["relu", "silu"]}})
    column = np.array(["silu", "relu", "silu"], dtype=object)
    assert [part.table.activation for part in assemble(space, settings(activation=column))] == ["relu", "silu"]


def test_settings_that_are_no_network_of_the_family_are_in_no_part(small_space):
    line = {name: {"distribution": "choice", "values": [8, 16]} for name in ("w0", "wa")}
    space = small_space(
        family="regnet", stages=2, strides=2,
        parameters={"width": None, "depth": {"distribution": "choice", "values": [1, 2]}, "wm": 2.0, **line},
    )  # fmt: skip
    drawn = {
        "w0": np.array([8, 8]), "wa": np.array([8, 8]), "wm": np.array([2.0, 2.0]), "depth": np.array([1, 2]),
        "bottleneck_ratio": np.array([1, 1]), "group_width": np.array([8, 8]),
    }  # fmt: skip
    (part,) = assemble(space, drawn)
    assert part.rows.tolist() == [1]  # one block cannot be two stages
    assert part.table.width.tolist() == [[8, 16]]


def test_finished_stages_are_nan_where_a_network_lacks_them(small_space):
    stages = {"distribution": "uniform", "low": 2, "high": 3, "step": 1}
    space = small_space(parameters={"stages": stages}, strides=2)
    (part,) = assemble(space, settings(stages=np.array([2, 3, 3])))
    columns = stage_columns(part, {"stage_width"})
    assert set(columns) == {"stage_width", "stage_depth", "total_depth"}
    assert columns["total_depth"].tolist() == [3, 6, 3]
    assert columns["stage_depth"][0].tolist() == pytest.approx([1, 2, np.nan], nan_ok=True)
    assert np.isnan(columns["stage_width"]).tolist() == [[False, False, True], [False] * 3, [False] * 3]


def test_flops_of_stages_are_counted_if_a_rule_asks_and_add_up_but_for_stem_and_head(small_space):
    (part,) = assemble(small_space(), settings())
    by_stage = stage_columns(part, {"stage_flops"})["stage_flops"]
    last = part.table.width[:, -1]
    assert (by_stage.sum(axis=1) + 9 * 8 * 16 * 16 * 3 + (last + 1) * 10).tolist() == (
        assembled_complexity(part, np.ones(len(part.rows), dtype=bool)).flops.tolist()
    )

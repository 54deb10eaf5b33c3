"""What each network of a study is: its stages, from architectures or from a table's columns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.results.structure import block_widths_of, network_table, networks_in, stages_in_words, stages_of


def test_networks_are_tabled_with_depth_and_outer_widths(tiny):
    deep = tiny().to_dict()
    deep["stages"][1]["depth"] = 3
    table = network_table(["a", "b"], [json.dumps(tiny().to_dict()), json.dumps(deep)])
    assert table[["model_id", "total_depth", "first_width", "last_width"]].to_numpy().tolist() == [
        ["a", 2, 8, 16],
        ["b", 4, 8, 16],
    ]
    assert table["stages"][1] == [[1, 8, 1, 4], [3, 16, 1, 4]]


def test_what_an_architecture_leaves_out_is_no_bottleneck_and_no_groups():
    assert stages_of({"stages": [{"depth": 2, "width": 8}, {"depth": 1, "width": 16, "group_width": None}]}) == [
        [2, 8, 1, 0],
        [1, 16, 1, 0],
    ]


def test_stages_are_read_from_numbered_columns_and_absent_ones_left_out():
    table = pd.DataFrame(
        {
            "model_id": ["a", "b", "b", "c"],
            "depth_1": [1, 2, 2, np.nan], "width_1": [8, 16, 16, 8],
            "depth_2": [3, np.nan, np.nan, 0], "width_2": [32, 64, 64, 8],
            "bottleneck_ratio_2": [2, 2, 2, 2], "groups_2": [4, 4, 4, 4],
        }
    )  # fmt: skip
    networks = networks_in(table)
    assert networks["model_id"].tolist() == ["a", "b"]
    # 4 groups of the inner width 32 / 2
    assert networks["stages"].tolist() == [[[1, 8, 1, 0], [3, 32, 2, 4]], [[2, 16, 1, 0]]]
    assert networks["total_depth"].tolist() == [4, 2]


def test_a_column_of_stages_is_taken_before_numbered_ones():
    table = pd.DataFrame({"model_id": ["a", "b"], "stages": [[[1, 8, 1, 0]], None], "depth_1": 9, "width_1": 9})
    networks = networks_in(table)
    assert networks[["model_id", "total_depth", "last_width"]].to_numpy().tolist() == [["a", 1, 8]]


@pytest.mark.parametrize("columns", [{"depth_1": [1], "width_1": [8]}, {"model_id": ["a"], "depth": [3]}])
def test_a_table_that_tells_of_no_stages_has_no_networks(columns):
    assert networks_in(pd.DataFrame(columns)) is None


def test_blocks_have_the_width_of_their_stage():
    assert block_widths_of([[2, 8, 1, 0], [3, 16, 1, 0]]) == [8, 8, 16, 16, 16]


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([[2, 8, 1, 0]], "1 stage of 2 blocks, widths 8"),
        ([[1, 16, 1, 8], [4, 32, 1, 8]], "2 stages of 1, 4 blocks, widths 16, 32, group width 8"),
        (
            [[1, 16, 2, 8], [4, 32, 0.5, 16]],
            "2 stages of 1, 4 blocks, widths 16, 32, bottleneck ratio 2, 0.5, group width 8, 16",
        ),
    ],
)
def test_stages_are_told_in_words_and_what_they_share_once(stages, words):
    assert stages_in_words(stages) == words


def test_stages_as_text_are_read_as_lists():
    table = pd.DataFrame({"model_id": ["a"], "stages": ["[[1, 24, 1, 8], [2, 56, 1, 8]]"]})
    networks = networks_in(table)
    assert networks["stages"][0] == [[1, 24, 1, 8], [2, 56, 1, 8]]
    assert networks["total_depth"].tolist() == [3]


@pytest.mark.parametrize("cell", ["[array([1., 8.])]", "[[1, 24]]", "[]", 3.0])
def test_stages_that_are_no_lists_are_refused_with_what_is_expected(cell):
    with pytest.raises(DsxError) as refusal:
        networks_in(pd.DataFrame({"model_id": ["a"], "stages": [cell]}))
    assert str(refusal.value) == (
        f"column stages of model a = {str(cell)!r}: expected [depth, width, bottleneck ratio, group width] of each"
        " stage, as in [[1, 24, 1, 8], [2, 56, 1, 8]]; rename the column to go without"
    )

"""Settings are a function of (seed, chunk) and follow their distributions."""

import numpy as np
import pytest
from oracle import log_uniform
from scipy import stats

from dsx.spaces import draws
from dsx.spaces.draws import Draws, setting_columns

STAGES = {"distribution": "uniform", "low": 1, "high": 3, "step": 1}


def test_a_chunk_is_the_same_whatever_was_drawn_before(small_space):
    first, again = Draws(small_space(), 3), Draws(small_space(), 3)
    first.chunk(0)
    for name, column in first.chunk(1).items():
        assert np.array_equal(column, again.chunk(1)[name]), name


def test_seeds_and_chunks_give_other_settings(small_space):
    space = small_space()
    base = Draws(space, 0).chunk(0)["width"]
    assert (base != Draws(space, 1).chunk(0)["width"]).any()
    assert (base != Draws(space, 0).chunk(1)["width"]).any()


def test_the_order_of_keys_in_a_file_does_not_matter(small, small_space):
    parameters = small()["parameters"]
    mirrored = type(small_space()).from_dict(small() | {"parameters": dict(reversed(parameters.items()))})
    for name, column in Draws(small_space(), 0).chunk(0).items():
        assert np.array_equal(column, Draws(mirrored, 0).chunk(0)[name]), name


def test_every_stages_values_have_their_law(small_space):
    widths = Draws(small_space(), 0).chunk(0)["width"]
    assert widths.shape == (draws.CHUNK, 3)
    law = log_uniform(8, 32, 8)
    for stage in range(3):
        observed = [int((widths[:, stage] == value).sum()) for value in law]
        assert stats.chisquare(observed, draws.CHUNK * np.array(list(law.values()))).pvalue > 0.001


@pytest.mark.parametrize("except_last", [False, True])
def test_an_order_is_kept_by_every_draw_over_the_stages_it_binds(except_last, small_space):
    rule = {"order": "increasing", "except_last": except_last}
    widths = Draws(small_space(rules={"width": rule}), 0).chunk(0)["width"]
    steps = np.diff(widths, axis=1) > 0
    assert steps[:, 0].all()
    assert steps[:, 1].all() is np.True_ if not except_last else not steps[:, 1].all()


def test_a_shared_parameter_has_the_values_of_the_other(small_space):
    space = small_space(parameters={"depth": {"distribution": "same_as", "parameter": "group_width"}})
    settings = Draws(space, 0).chunk(0)
    assert np.array_equal(settings["depth"], settings["group_width"])


def test_the_number_of_stages_is_as_likely_as_its_order_allows(small_space):
    """Of two depths, one stage is always in increasing order and two are with probability p1 · p2; three never."""
    space = small_space(
        parameters={
            "stages": {**STAGES, "high": 2},
            "depth": {"distribution": "choice", "values": [1, 2], "per": "stage"},
        },
        rules={"depth": "increasing"},
        strides=2,
    )
    stages = Draws(space, 0).chunk(0)["stages"]
    assert stats.binomtest(int((stages == 2).sum()), len(stages), 0.25 / 1.25).pvalue > 0.001


def test_settings_become_one_column_a_number_and_absent_stages_none(small_space):
    space = small_space(parameters={"stages": {**STAGES, "low": 2}}, strides=2)
    settings = {
        "stages": np.array([2, 3]), "depth": np.array([[1, 2, 3], [3, 2, 1]]), "width": np.full((2, 3), 8),
        "bottleneck_ratio": np.array([1, 2]), "group_width": np.array([4, 8]),
    }  # fmt: skip
    columns = setting_columns(space, settings)
    assert [name for name in columns if name.startswith("depth")] == ["depth_1", "depth_2", "depth_3"]
    assert columns["depth_2"].tolist() == [2, 2]
    assert np.isnan(columns["depth_3"][0])
    assert columns["depth_3"][1] == 1
    assert columns["bottleneck_ratio"].tolist() == [1, 2]
    assert columns["depth_2"].dtype.kind == "i"

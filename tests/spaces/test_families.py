"""What a parameter may be, and how a setting becomes stages."""

import numpy as np
import pytest

from dsx.spaces.families import COMMON, FAMILIES, ParameterRule


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (ParameterRule(integer=True, low=1), [1, 7], [0]),
        (ParameterRule(integer=True, low=1), [1.0, 2.0], [1.5]),
        (ParameterRule(low=0, low_open=True), [0.1], [0.0]),
        (ParameterRule(low=0), [0.0], [-0.1]),
        (ParameterRule(low=0, high=1), [0.0, 1.0], [0.5, 1.1]),
        (ParameterRule(text=True), ["relu"], [1]),
        (ParameterRule(low=0), [1], ["relu"]),
    ],
)
def test_a_rule_accepts_what_it_says_and_one_bad_value_is_enough(rule, good, bad):
    assert rule.accepts(np.array(good))
    assert not rule.accepts(np.array(bad))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("group_width", "expected integers ≥ 1"),
        ("bottleneck_ratio", "expected numbers > 0"),
        ("stages", "expected integers ≥ 1 and ≤ 64"),
        ("se_ratio", "expected numbers ≥ 0 and ≤ 1"),
    ],
)
def test_a_rule_says_what_is_expected(name, words):
    assert COMMON[name].words() == words


def test_anynet_takes_every_stages_depth_and_width_as_given():
    columns = {"depth": np.array([[1, 2, 3], [4, 5, 6]]), "width": np.array([[8, 16, 24], [32, 40, 48]])}
    shapes = FAMILIES["anynet"].shape(columns, np.array([3, 2]), 3, 8)
    assert shapes.depth.tolist() == [[1, 2, 3], [4, 5, 0]]
    assert shapes.width[shapes.depth > 0].tolist() == [8, 16, 24, 32, 40]
    assert shapes.valid.tolist() == [True, True]


def test_anynet_shares_one_value_among_the_stages_there_are():
    columns = {"depth": np.array([2, 3]), "width": np.array([[8, 16], [24, 32]])}
    shapes = FAMILIES["anynet"].shape(columns, np.array([2, 1]), 2, 8)
    assert shapes.depth.tolist() == [[2, 2], [3, 0]]


def test_regnet_derives_its_stages_from_the_line():
    """RegNetX-400MF: depths 1, 2, 7, 12 and widths 24, 64, 152, 392 before group adjustment."""
    columns = {"w0": np.array([24.0]), "wa": np.array([24.48]), "wm": np.array([2.54]), "depth": np.array([22])}
    shapes = FAMILIES["regnet"].shape(columns, np.array([4]), 4, 8)
    assert shapes.valid.tolist() == [True]
    assert shapes.depth.tolist() == [[1, 2, 7, 12]]
    assert shapes.width.tolist() == [[24, 64, 152, 392]]


def test_a_line_with_another_number_of_stages_is_no_network():
    columns = {"w0": np.array([24.0]), "wa": np.array([24.48]), "wm": np.array([2.54]), "depth": np.array([22])}
    assert FAMILIES["regnet"].shape(columns, np.array([3]), 4, 8).valid.tolist() == [False]

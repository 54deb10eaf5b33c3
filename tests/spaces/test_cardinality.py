"""Sizes of spaces: the paper's totals by hand, and counting by brute force."""

import itertools
from math import comb

import pytest

import dsx
from dsx.spaces.cardinality import cardinality
from dsx.spaces.enumeration import enumerate_settings


@pytest.mark.parametrize(
    ("name", "freedom", "settings"),
    [
        ("AnyNetXA", 16, (16 * 128 * 3 * 6) ** 4),
        ("AnyNetXB", 13, (16 * 128 * 6) ** 4 * 3),
        ("AnyNetXC", 10, (16 * 128) ** 4 * 3 * 6),
        ("AnyNetXD", 10, 16**4 * comb(128 + 3, 4) * 3 * 6),
        ("AnyNetXE", 10, comb(16 + 3, 4) * comb(128 + 3, 4) * 3 * 6),
        ("AnyNetXA-5stages", 20, (16 * 128 * 3 * 6) ** 5),
        ("AnyNetRA", 12, (16 * 128 * 3) ** 4),
        ("AnyNetVE", 8, comb(16 + 3, 4) * comb(128 + 3, 4)),
        ("RegNet", 6, 63 * 31 * 2480 * 1501 * 3 * 6),
        ("RegNet-wm2", 5, 63 * 31 * 2480 * 3 * 6),
        ("RegNet-w0-is-wa", 5, 63 * 31 * 1501 * 3 * 6),
        ("RegNetX", 5, 40 * 31 * 2480 * 1001 * 6),
        ("NDS-Vanilla", 6, 1_259_712),
        ("NDS-ResNet", 6, 1_259_712),
        ("NDS-ResNeXt-A", 12, 11_390_625),
        ("NDS-ResNeXt-B", 12, 52_734_375),
    ],
)
def test_shipped_spaces_have_the_papers_sizes(name, freedom, settings):
    size = cardinality(dsx.load_space(name))
    assert (size.degrees_of_freedom, size.settings) == (freedom, settings)


@pytest.mark.parametrize(("name", "total"), [("AnyNetXD", 1.3e13), ("AnyNetXE", 5.5e11)])
def test_the_papers_approximation_is_shown_beside_the_exact_size(name, total):
    assert cardinality(dsx.load_space(name)).approximate == pytest.approx(total, rel=0.05)
    assert cardinality(dsx.load_space("AnyNetXC")).approximate is None


@pytest.mark.parametrize("order", ["non_decreasing", "increasing", "non_increasing", "decreasing", "equal"])
@pytest.mark.parametrize("except_last", [False, True])
@pytest.mark.parametrize("stages", [[3], [2, 3]])
def test_counts_equal_brute_force(order, except_last, stages, small_space):
    rules = {"width": {"order": order, "except_last": except_last}}
    space = small_space(parameters={"stages": {"distribution": "choice", "values": stages}}, strides=2, rules=rules)
    keeps = {
        "non_decreasing": lambda a, b: a <= b,
        "increasing": lambda a, b: a < b,
        "non_increasing": lambda a, b: a >= b,
        "decreasing": lambda a, b: a > b,
        "equal": lambda a, b: a == b,
    }[order]
    count = 0
    for k in stages:
        for widths in itertools.product([8, 16, 24, 32], repeat=k):
            bound = widths[: k - 1] if except_last else widths
            count += all(keeps(a, b) for a, b in itertools.pairwise(bound)) * 3**k * 2 * 5
    assert cardinality(space).settings == count
    assert sum(len(masses) for _, masses in enumerate_settings(space)) == count


def test_a_continuous_parameter_makes_the_number_infinite(small_space):
    space = small_space(parameters={"recipe.lr": {"distribution": "uniform", "low": 0.1, "high": 1}})
    assert cardinality(space).settings is None
    assert cardinality(space).degrees_of_freedom == 9

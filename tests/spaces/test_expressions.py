"""Inequalities: what they mean on arrays, and what is refused."""

import numpy as np
import pytest

from dsx.base.errors import DefinitionError
from dsx.spaces.expressions import Inequality

NAN = np.nan
VALUES = {
    "depth": np.array([[1, 2, 3], [4, 4, NAN], [1, 1, 1]]),
    "width": np.array([[8, 16, 24], [32, 16, NAN], [8, 8, 8]]),
    "d": np.array([6, 9, 2]),
    "flops": np.array([4e8, 1e8, 1e9]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(depth) <= 6", [True, False, True]),
        ("d < 9", [True, False, True]),
        ("2 <= d <= 6", [True, False, True]),
        ("max(width) > 2 * min(width)", [True, False, False]),
        ("depth <= 3", [True, False, True]),
        ("width > 4 * depth", [True, False, True]),
        ("depth[0] < depth[-1]", [True, False, False]),
        ("width[2] == 24", [True, True, False]),  # the second has no third stage, which breaks no rule
        ("sqrt(flops / 1e8) >= 2", [True, False, True]),
        ("log2(d) != 1", [True, True, False]),
        ("abs(d - 6) <= 3", [True, True, False]),
        ("-d <= -6", [True, True, False]),
        ("d ** 2 >= 36", [True, True, False]),
        ("depth < d", [True, True, True]),
        ("max(d) <= 6", [True, False, True]),  # one value for the network is the highest of its stages
        ("min(flops) >= 4e8", [True, False, True]),
        ("d < 100000000000000000000000000 * d", [True, True, True]),  # beyond 64 bits
        # what is no number satisfies nothing, unlike a stage that is not there
        ("sqrt(d - 6) >= 0", [True, True, False]),
        ("sqrt(d - 6) != 1", [True, True, False]),
        ("sum(sqrt(width - 16)) >= 0", [False, True, False]),
        ("(depth - 1) / (depth - 1) <= 1", [False, True, False]),
        ("width[2] - 24 == 0", [True, True, False]),
    ],
)
def test_an_inequality_is_evaluated_for_every_network(text, expected):
    assert Inequality.parse(text).holds(VALUES).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum(depth <= 6", "'sum(depth <= 6' is not an inequality such as 'sum(depth) <= 40'"),
        ("sum(depth)", "'sum(depth)' compares nothing: write an inequality such as 'sum(depth) <= 40'"),
        ("3 < 4", "'3 < 4' names no parameter. Known: d, depth, flops, width"),
        ("dept <= 4", "'dept <= 4': unknown name 'dept'. Did you mean depth? Known: d, depth, flops, width"),
        (
            "summ(depth) <= 4",
            "'summ(depth) <= 4': 'summ' is not one of sum, min, max, sqrt, log2, abs of one value. Did you mean sum?",
        ),
        ("depth['a'] <= 4", "'depth['a'] <= 4': a stage is picked by a whole number, as in width[0] or width[-1]"),
        ("d <= 'a'", "'d <= 'a'': 'a' is not a number"),
        ("d / 0 > 1", "'d / 0 > 1' divides by 0"),
        ("1 / (2 - sqrt(4)) < d", "'1 / (2 - sqrt(4)) < d' divides by 0"),
        ("d < 1e999", "'d < 1e999': inf is not a number"),
        ("d % 2 == 0", "'d % 2 == 0': only + - * / ** and comparisons are understood"),
        (
            "(d if d else d) < 3",
            "'(d if d else d) < 3': only numbers, parameters, + - * / **, comparisons and sum, min, max, sqrt, log2,"
            " abs are understood",
        ),
        (
            "__import__('os') < d",
            "'__import__('os') < d': '__import__' is not one of sum, min, max, sqrt, log2, abs of one value.",
        ),
    ],
)
def test_a_bad_inequality_is_refused_with_one_line(text, message):
    with pytest.raises(DefinitionError) as refusal:
        Inequality.parse(text).check_names(VALUES)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth[3] < d", "'depth[3] < d': depth[3]: networks have at most 3 stages"),
        ("depth[-4] < d", "'depth[-4] < d': depth[-4]: networks have at most 3 stages"),
        ("sum(d) <= 40", "'sum(d)' adds up stages, and d has one value for the network: leave the sum out"),
        (
            "sum(flops / d) <= 40",
            "'sum(flops / d)' adds up stages, and flops / d has one value for the network: leave the sum out",
        ),
        (
            "sum(sum(depth)) <= 40",
            "'sum(sum(depth))' adds up stages, and sum(depth) has one value for the network: leave the sum out",
        ),
    ],
)
def test_stages_that_no_network_has_are_refused(text, message):
    shapes = {name: np.shape(column[:1]) for name, column in VALUES.items()}
    with pytest.raises(DefinitionError) as refusal:
        Inequality.parse(text).check_stages(shapes)
    assert str(refusal.value) == message
    Inequality.parse("depth[2] < sum(width[0] * depth) / d[7]").check_stages(shapes)


def test_networks_of_which_it_cannot_be_told_are_named():
    true, undefined = Inequality.parse("sqrt(width[2] - 9) > 0").judged(VALUES)
    assert true.tolist() == [True, True, False]
    assert undefined.tolist() == [False, False, True]

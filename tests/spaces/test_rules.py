"""Rules among parameters: orders and inequalities, parsed once."""

import numpy as np
import pytest

from dsx.spaces.definition import Space
from dsx.spaces.expressions import Inequality
from dsx.spaces.orders import ORDERS
from dsx.spaces.rules import DERIVED, parse_rules


@pytest.mark.parametrize("order", ORDERS)
def test_the_name_of_an_order_stands_for_that_order(order):
    assert parse_rules({"width": order}) == {"width": {"order": order}}


def test_any_other_text_is_an_inequality():
    (rule,) = parse_rules({"deep": "sum(depth) <= 5"}).values()
    assert isinstance(rule, Inequality)
    assert rule.holds({"depth": np.array([[1, 2, 2], [2, 2, 2]])}).tolist() == [True, False]


def test_what_is_no_text_is_left_to_the_definitions_type():
    rules = {"width": {"order": "increasing", "except_last": True}, "odd": 3}
    assert parse_rules(rules) == rules


@pytest.mark.parametrize("name", DERIVED)
def test_rules_may_speak_of_the_finished_stages(name, small):
    text = f"{name} >= 1"
    assert Space.from_dict(small(rules={"large": text})).inequalities["large"].text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sorted",
            "rules.width: unknown order 'sorted'. Known: non_decreasing, increasing, non_increasing, decreasing, equal,"
            " or an inequality",
        ),
        (
            "increasin",
            "rules.width: unknown order 'increasin'. Did you mean increasing? Known: non_decreasing, increasing,"
            " non_increasing, decreasing, equal, or an inequality",
        ),
        ("sum(width)", "rules.width: 'sum(width)' compares nothing: write an inequality such as 'sum(depth) <= 40'"),
        ("sum(width", "rules.width: 'sum(width' is not an inequality such as 'sum(depth) <= 40'"),
    ],
)
def test_a_faulty_rule_is_told_with_its_key(text, message):
    with pytest.raises(ValueError, match=r".") as refused:
        parse_rules({"depth": "increasing", "width": text})
    assert str(refused.value) == message

"""Constraints on complexity: windows and inequalities, parsed once."""

import math

import numpy as np
import pytest

from dsx.base.errors import DsxError
from dsx.spaces.constraints import Window, parse_constraints
from dsx.spaces.expressions import Inequality

METRICS = {"flops": np.array([359e6, 360e6, 400e6, 401e6]), "acts": np.array([1e6, 2e6, 3e6, 4e6])}


def test_a_window_holds_both_of_its_ends():
    assert Window.parse("flops", "360M:400M").holds(METRICS).tolist() == [False, True, True, False]


def test_a_window_may_be_open_at_one_end():
    below, above = Window.parse("flops", ":400M"), Window.parse("flops", "360M:")
    assert below.holds(METRICS).tolist() == [True, True, True, False]
    assert above.holds(METRICS).tolist() == [False, True, True, True]
    assert (below.open, above.open) == (False, False)
    assert Window("flops", 0, math.inf, ":").open


def test_a_window_between_numbers_is_written_so_that_it_reads_back():
    made = Window.between("flops", 360e6, 400e6)
    assert Window.parse("flops", made.text) == made


def test_a_definitions_constraints_are_parsed_by_name():
    parsed = parse_constraints({"flops": "360M:400M", "limit": "acts <= flops / 150"})
    assert parsed["flops"] == Window("flops", 360e6, 400e6, "360M:400M")
    assert isinstance(parsed["limit"], Inequality)
    assert parsed["limit"].holds(METRICS).tolist() == [True, True, False, False]
    assert parse_constraints(parsed) == parsed


def test_an_empty_window_is_no_window():
    with pytest.raises(DsxError, match="is an empty range: its low end is above its high end"):
        Window.parse("flops", "2:1")


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            {"flop": "1M:"},
            "constraints.flop: unknown metric 'flop'. Did you mean flops? Known:"
            " flops, params, acts, inference_memory, training_memory, stage_flops,"
            " stage_params, stage_acts, latency",
        ),
        (
            {"limit": "depth <= 3"},
            "constraints.limit: 'depth <= 3': unknown name 'depth'. Known:"
            " acts, flops, inference_memory, latency, params,"
            " stage_acts, stage_flops, stage_params, training_memory",
        ),
        ({"flops": 90}, "flops = 90: expected low:high in quotes, as in ':5M' (YAML reads 1:30 as 90)"),
    ],
)
def test_the_first_fault_is_told_with_its_key(constraints, message):
    with pytest.raises(ValueError, match=r".") as refused:
        parse_constraints({"params": ":5M", **constraints})
    assert str(refused.value) == message

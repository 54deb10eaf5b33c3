"""Both sides of a trial: fresh, disjoint, and with the models known before only where these had no part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.designing.refinement import Refinement, contained
from dsx.designing.trial import draw_sides, in_proportion, known_errors, most_of_each, part_of_error

SPACE = dsx.load_space("AnyNetXA-digits")
ORDER = Refinement("order", "order", {"rules": {"width": "non_decreasing"}}, "", True, True, simpler=True)
SHARING = Refinement("shared", "sharing", {"parameters": {"group_width": {"per": "network"}}}, "", False, simpler=True)


@pytest.mark.slow
def test_both_sides_of_a_rule_are_fresh_and_apart() -> None:
    narrower = ORDER.applied(SPACE, "narrower")
    seen = set(dsx.sample(SPACE, 30, seed=8).model_ids)
    sides = draw_sides(ORDER, (narrower, SPACE), 20, (3, 7), seen, np.empty(0))
    assert sides is not None
    inside, outside = sides.first(20)
    assert (inside.name, outside.name) == ("03-narrower", f"03-{SPACE.name}-rest")
    assert contained(narrower, inside.population.settings).all()
    assert not contained(narrower, outside.population.settings).any()
    assert not seen & {*inside.population.model_ids, *outside.population.model_ids}
    assert sides.enough(20)
    assert not sides.enough(21)


def test_known_models_take_the_place_of_fresh_ones_where_they_had_no_part_in_proposing() -> None:
    pool = pd.DataFrame(
        {"model_id": list("abcd"), "error": [1.0, 2.0, 3.0, np.nan], "state": ["done"] * 3 + ["failed"]}
    )
    assert known_errors(ORDER, pool).size == 0
    known = known_errors(SHARING, pool)
    np.testing.assert_array_equal(known, [1.0, 2.0, 3.0])
    sides = draw_sides(SHARING, (SHARING.applied(SPACE, "shared"), SPACE), 10, (1, 1), set(), known)
    assert sides is not None
    assert [len(batch.population) for batch in sides.first(10)] == [10, 7]
    assert [len(batch.population) for batch in sides.first(2)] == [2, 0]
    assert sides.enough(10)


@pytest.mark.slow
def test_a_narrower_space_without_models_has_no_sides() -> None:
    impossible = Refinement("deep", "own", {"rules": {"deep": "total_depth >= 99"}}, "", False, True)
    assert draw_sides(impossible, (impossible.applied(SPACE, "x"), SPACE), 10, (1, 1), set(), np.empty(0)) is None


@pytest.mark.parametrize(("left", "known", "most"), [(100, 0, 50), (100, 60, 80), (50, 80, 50)])
def test_the_budget_goes_where_models_are_missing(left: int, known: int, most: int) -> None:
    assert most_of_each(left, known) == most
    assert most + max(0, most - known) <= left


def test_models_on_both_sides_of_a_rule_stay_in_the_proportion_of_the_space() -> None:
    inside, outside = (pd.DataFrame({"model_id": range(n)}) for n in (16, 16))
    lengths = {share: [len(t) for t in in_proportion(inside, outside, share)] for share in (0.0, 0.2, 0.5, 0.75)}
    assert lengths == {0.0: [16], 0.2: [4, 16], 0.5: [16, 16], 0.75: [16, 5]}


def test_a_hint_is_allowed_less_and_a_simplification_that_takes_the_rest_more() -> None:
    hint = replace(ORDER, simpler=False)
    ends = Refinement("depth", "derived", {}, "", True, True)
    assert [part_of_error(each, last=False) for each in (hint, ORDER, SHARING, ends)] == [0.2, 0.4, 0.4, 0.4]
    assert [part_of_error(each, last=True) for each in (hint, ORDER, SHARING, ends)] == [0.2, 0.9, 0.9, 0.4]

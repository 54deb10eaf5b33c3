"""What a round proposes, and in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dsx
from dsx.designing.proposing import refinements, worth_testing
from dsx.designing.refinement import Refinement, contained
from dsx.narrowing.quantities import quantities, quantity_table
from dsx.spaces.definition import Space

SPACE = dsx.load_space("AnyNetXA-digits")


def reference(space: Space) -> np.ndarray:
    return quantity_table(space, dsx.sample(space, 1000, seed=77).settings, quantities(space))


REFERENCE = reference(SPACE)


def results(effect: float, n: int = 80, space: Space = SPACE) -> pd.DataFrame:
    """Models of which those deeper than 9 blocks are worse."""
    table = dsx.sample(space, n, seed=5).table
    depth = table[[f"depth_{i}" for i in range(1, 5)]].sum(axis=1)
    noise = np.random.default_rng(2).normal(0, 1, n)
    return table.assign(error=10 + noise + effect * (depth > 9), state="done")


def proposed(effect: float = 2.0, **given: object) -> list[Refinement]:
    return refinements(SPACE, results(effect), REFERENCE, **given)  # type: ignore[arg-type]


def test_what_the_models_support_comes_before_what_is_only_simpler() -> None:
    made = proposed()
    assert made[0].supported
    assert (made[0].quantity, made[0].end) == ("total depth", "high")
    kinds = [each.supported for each in made]
    assert kinds == sorted(kinds, reverse=True)
    simpler = [each for each in made if not each.supported and worth_testing(each)]
    assert next(each.words for each in simpler if each.kind == "sharing") in (
        "bottleneck_ratio, group_width: one value for all stages",
        "group_width, bottleneck_ratio: one value for all stages",
    )
    assert simpler[0].freedom == 6
    assert not any(each.kind == "sharing" and each.words.startswith("width: one") for each in made)
    assert not worth_testing(made[-1])


def test_rules_that_cut_are_exact_and_sharing_is_not() -> None:
    for each in proposed():
        assert each.exact == (each.kind in ("range", "order", "derived"))
        assert each.simpler or each.freedom == 0


def test_an_order_needs_less_to_be_tested_and_then_has_to_be_better() -> None:
    made = proposed(0.0)
    orders = [each for each in made if each.kind == "order" and each.supported]
    assert not any(each.simpler for each in orders)
    hints = [float(each.evidence.split("p = ")[1].split()[0]) for each in made if each.kind == "order"]
    assert len(orders) == sum(p <= 0.25 for p in hints)
    assert all(each.hinted for each in orders)


def test_what_was_taken_is_not_proposed_again() -> None:
    assert ("total depth", "high") not in {(e.quantity, e.end) for e in proposed(taken=[("total depth", "high")])}


def test_both_ends_of_a_quantity_are_one_candidate_where_the_models_support_both() -> None:
    table = results(0.0, 120)
    depth = table[[f"depth_{i}" for i in range(1, 5)]].sum(axis=1)
    made = refinements(SPACE, table.assign(error=table["error"] + 3.0 * ((depth < 7) | (depth > 9))), REFERENCE)
    window = next(each for each in made if each.end == "both")
    assert (window.words, window.ends) == ("total depth: 7 to 9", ("low", "high"))
    assert window.key not in {each.key for each in made if each is not window}
    ends = [each for each in made if each.supported and each.quantity == "total depth" and each.end != "both"]
    assert {each.end for each in ends} == {"low", "high"}
    assert all(made.index(window) < made.index(each) for each in ends)
    kept = contained(window.applied(SPACE, "window"), table)
    assert kept.tolist() == ((depth >= 7) & (depth <= 9)).tolist()
    assert window.exact
    assert not window.simpler
    assert not [each for each in proposed() if each.end == "both"]


def test_a_window_of_a_parameter_cuts_its_range_at_both_ends() -> None:
    space = dsx.load_space("RegNetX-digits")
    table = dsx.sample(space, 160, seed=5).table
    table = table.assign(error=np.random.default_rng(2).normal(10, 1, 160), state="done")
    middle = (table["depth"] >= 8) & (table["depth"] <= 12)
    law = quantity_table(space, dsx.sample(space, 500, seed=77).settings, quantities(space))
    made = refinements(space, table.assign(error=table["error"] + 4.0 * ~middle), law)
    window = next(each for each in made if each.end == "both")
    assert (window.words, window.kind) == ("depth: 8 to 12", "range")
    assert window.change == {"parameters": {"depth": {"low": 8, "high": 12}}}
    assert contained(window.applied(space), table).tolist() == middle.tolist()


def test_a_persons_own_candidates_come_first() -> None:
    wanted = {
        "shallow": {"rules": {"few": "total_depth <= 6"}, "description": "at most six blocks"},
        "narrow": {"parameters": {"width": {"high": 64}}},
        "as-it-is": {"parameters": {"depth": {"high": 4}}},
    }
    made = proposed(wanted=wanted)
    assert [(e.words, e.kind, e.exact) for e in made[:2]] == [
        ("at most six blocks", "own", True),
        ("narrow", "own", False),
    ]
    assert made[2].kind != "own"
    assert worth_testing(made[0])


def test_a_candidate_that_does_not_fit_is_told_and_not_tested() -> None:
    odd = proposed(wanted={"odd": {"rules": {"dept": "non_decreasing"}}})[0]
    assert odd.words == "odd"
    assert odd.evidence.startswith("does not fit AnyNetXA-digits: ")
    assert "dept" in odd.evidence
    assert not worth_testing(odd)


def test_ordered_widths_bring_the_step_to_quantised_lines() -> None:
    space = dsx.load_space("AnyNetXD-digits")
    made = refinements(space, results(0.0, space=space), reference(space))
    assert [each.kind for each in made].count("line") == 1
    assert "line" not in [each.kind for each in proposed()]

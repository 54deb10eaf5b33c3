"""Which settings are accepted: by each rule, by all, and as a population holds them."""

import numpy as np
import pytest
from oracle import x_flops

from dsx.spaces.acceptance import evaluate, present_settings, take, what_holds
from dsx.spaces.assembly import assemble
from dsx.spaces.tally import Tally

SETTINGS = {
    "depth": np.array([[1, 1, 1], [3, 3, 3], [1, 1, 1], [1, 2, 1]]),
    "width": np.array([[8, 8, 8], [32, 32, 32], [8, 8, 8], [16, 8, 8]]),
    "bottleneck_ratio": np.array([1, 1, 1, 1]),
    "group_width": np.array([8, 8, 8, 8]),
}
FLOPS = [
    int(x_flops(8, d, w, (1, 1, 1), (8, 8, 8), (1, 2, 2), 16, 1, 10))
    for d, w in zip(SETTINGS["depth"].tolist(), SETTINGS["width"].tolist(), strict=True)
]


def holds(space):
    (part,) = assemble(space, SETTINGS)
    return {name: kept.tolist() for name, kept in what_holds(space, SETTINGS, part)[0].items()}


def test_each_rule_and_constraint_is_told_by_itself(small_space):
    space = small_space(
        rules={"shallow": "total_depth <= 4", "wide": "width >= 8"}, constraints={"flops": f":{FLOPS[0]}"}
    )
    assert holds(space) == {
        "resolution": [True] * 4,
        "rules.shallow": [True, False, True, True],
        "rules.wide": [True] * 4,
        "flops": [True, False, True, False],
    }


@pytest.mark.parametrize(("resolution", "enough"), [(4, True), (3, False)])
def test_an_image_must_survive_all_strides(resolution, enough, small_space):
    assert holds(small_space(resolution=resolution))["resolution"] == [enough] * 4


def test_accepted_settings_keep_everything_and_are_counted(small_space):
    space = small_space(rules={"shallow": "total_depth <= 4"}, constraints={"flops": f"{FLOPS[0] + 1}:"})
    tally = Tally("anynet")
    accepted = evaluate(space, SETTINGS, tally)
    assert [candidate.row for candidate in accepted] == [3]
    assert accepted[0].complexity[0] == FLOPS[3]
    assert tally.accepted == 1
    assert tally.passed == {"resolution": 4, "rules.shallow": 3, "flops": 2}


def test_equal_networks_have_equal_keys_unless_their_recipe_differs(small_space):
    keys = [candidate.key for candidate in evaluate(small_space(), SETTINGS, Tally("anynet"))]
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3
    rate = {"distribution": "choice", "values": [0.1, 0.2]}
    sampled = {**SETTINGS, "recipe.lr": np.array([0.1, 0.1, 0.2, 0.1])}
    keys = [c.key for c in evaluate(small_space(parameters={"recipe.lr": rate}), sampled, Tally("anynet"))]
    assert len(set(keys)) == 4


def test_chosen_candidates_are_taken_in_their_order(small_space):
    space = small_space()
    accepted = evaluate(space, SETTINGS, Tally("anynet"))
    taken = take(space, SETTINGS, [accepted[3], accepted[0]])
    assert len(taken) == 2
    assert taken.settings["depth_2"].tolist() == [2, 1]
    assert taken.complexity[:, 0].tolist() == [FLOPS[3], FLOPS[0]]
    assert [[stage["depth"] for stage in content["stages"]] for content in taken.contents] == [[1, 2, 1], [1, 1, 1]]


def test_rules_see_nothing_of_stages_that_a_network_lacks():
    settings = {"stages": np.array([3, 1, 2]), "depth": np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])}
    seen = present_settings(settings, np.array([1, 2]))
    assert seen["depth"].tolist() == [pytest.approx([4, np.nan, np.nan], nan_ok=True),
                                      pytest.approx([7, 8, np.nan], nan_ok=True)]  # fmt: skip
    assert seen["stages"].tolist() == [1, 2]

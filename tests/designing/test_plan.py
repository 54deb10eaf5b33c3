"""What a walk may be asked for."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.designing.plan import WalkPlan


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"models": 40}, "models = 40: expected an integer ≥ 48, or there is nothing to test by"),
        ({"hours": 0.0}, "hours = 0: expected a number above 0"),
        ({"seed": -1}, "seed = -1: expected an integer from 0 to 2^63 − 1"),
        ({"level": 0.3}, "level = 0.3: expected a number between 0.5 and 1, as in 0.95"),
    ],
)
def test_a_plan_that_cannot_be_is_told(asked: dict, message: str) -> None:
    with pytest.raises(DsxError) as told:
        WalkPlan(**asked)
    assert str(told.value) == message


def test_the_first_proposal_is_made_by_a_part_of_the_budget() -> None:
    assert [WalkPlan(models).first for models in (48, 400, 10_000)] == [24, 66, 96]

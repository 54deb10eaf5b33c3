"""What a walk may use and has to show, and what came of each of its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

from dsx.analysis.step_test import Look
from dsx.analysis.verdict import Margin
from dsx.base.errors import DsxError, check_seed, check_whole
from dsx.designing.refinement import Refinement

# models without which nothing is proposed: this part of the budget, within these bounds
_FIRST_PART, _FEWEST, _MOST = 6, 24, 96
# of the budget, and models, to propose by where fewer support nothing
_LONGEST_PART, _LONGEST = 0.4, 192

Ending = Literal["nothing left", "budget spent", "proposed"]


@dataclass(frozen=True)
class WalkPlan:
    """What a walk may use, and what its steps have to show. Raises DsxError.

    models: that may be trained in all. hours: device-hours that they may take; None: any. level: 1 less the chance
    that any step is taken falsely. margin: within which a simpler space counts as no worse.
    """

    models: int = 400
    hours: float | None = None
    seed: int = 0
    level: float = 0.95
    margin: Margin = field(default_factory=lambda: Margin(0.1))

    def __post_init__(self) -> None:
        enough = f"an integer ≥ {2 * _FEWEST}, or there is nothing to test by"
        check_whole("models", self.models, 2 * _FEWEST, math.inf, enough)
        if self.hours is not None and not self.hours > 0:
            raise DsxError(f"hours = {self.hours:g}: expected a number above 0")
        check_seed(self.seed)
        if not (isinstance(self.level, Real) and 0.5 < self.level < 1):
            raise DsxError(f"level = {self.level!r}: expected a number between 0.5 and 1, as in 0.95")

    @property
    def first(self) -> int:
        """Models of a space by which a proposal is made."""
        return min(max(self.models // _FIRST_PART, _FEWEST), _MOST)

    @property
    def most(self) -> int:
        """Models of a space by which it is made where fewer support nothing."""
        return max(self.first, min(int(_LONGEST_PART * self.models), _LONGEST))


@dataclass(frozen=True)
class Step:
    """One candidate that was tested, or taken by hand.

    number: from 1. before, after: the spaces' names; `after` is empty if it was not taken. error: what the step was
    allowed to err by. looks: none where it was taken by hand. share: of the wider space's models that keep the rule; 0
    where these are no draws of the narrower one. trained: models drawn for the test. known: models of the wider space
    that counted in it and were known before. reused: earlier models that are models of the space as it is now.
    """

    number: int
    refinement: Refinement
    before: str
    after: str
    error: float = 0.0
    looks: tuple[Look, ...] = ()
    share: float = 0.0
    trained: int = 0
    known: int = 0
    reused: int = 0

    @property
    def by_hand(self) -> bool:
        return not self.looks

    @property
    def taken(self) -> bool:
        return bool(self.after)

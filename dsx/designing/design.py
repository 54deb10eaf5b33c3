"""`dsx.design`: the whole walk over a space, with any function that gives a model's error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsx.analysis.verdict import parse_margin
from dsx.base.errors import DsxError, check_mapping, check_path, check_whole
from dsx.designing.account import told
from dsx.designing.folder import DesignFolder
from dsx.designing.journal import Journal
from dsx.designing.models import FunctionSource
from dsx.designing.plan import Ending, Step, WalkPlan
from dsx.designing.refinement import Refinement
from dsx.designing.walk import Walk, check_accept
from dsx.results.arrays import Table
from dsx.results.states import finished
from dsx.spaces.definition import Space, as_space
from dsx.spaces.population import Model


@dataclass(frozen=True, eq=False)
class Design:
    """What came of a walk.

    chain: the spaces, the first one first. steps: all that were tested or taken by hand, in order. proposal: the last
    candidates, the most promising first. models: known models of the last space, the lowest error first. drawn: space's
    name → models drawn from that very space, in order. spent: models evaluated. ending: why it ended. words: all this.
    """

    chain: tuple[Space, ...]
    steps: tuple[Step, ...]
    proposal: tuple[Refinement, ...]
    models: Table
    drawn: dict[str, Table]
    spent: int
    ending: Ending
    words: str

    @property
    def space(self) -> Space:
        """The last one."""
        return self.chain[-1]


def design(  # noqa: PLR0913 (a public function; its options go by name)
    space: Space | str | Path,
    evaluate: Callable[[Model], float],
    budget: int = 400,
    *,
    seed: int = 0,
    level: float = 0.95,
    margin: str = "0.1",
    candidates: Mapping[str, Mapping[str, object]] | None = None,
    folder: str | Path | None = None,
    propose_only: bool = False,
    accept: int | None = None,
) -> Design:
    """Narrow a space step by step, each step tested on models that had no part in proposing it.

    evaluate: a model → its error, percent or any number of which lower is better; NaN where it failed. budget: models
    to evaluate at most. level: 1 less the chance that any step is taken falsely. margin: within which a simpler space
    counts as no worse, as in `0.1` of even odds or `1pt`. candidates: definitions (what each changes) that you would
    like to see tested, by name. folder: keeps the walk, which goes on from there; no model is evaluated twice.
    propose_only: end with the next candidates. accept: the number of one of the last candidates, taken untested.
    Raises DsxError for a bad argument, or a folder that holds another walk.
    """
    first = as_space(space)
    _check(evaluate, candidates, folder, accept)
    plan = WalkPlan(budget, seed=seed, level=level, margin=parse_margin(str(margin)))
    wanted, journal, place = dict(candidates or {}), Journal(), None
    if folder is not None:
        place = DesignFolder(Path(folder))
        check_accept(place.journal(), accept)
        place.keep(first, plan)
        wanted |= place.wanted()
        journal = place.journal()
    walk = Walk(first, plan, FunctionSource(evaluate, place.root if place else None), journal, wanted)
    ending = walk.run(propose_only, accept)
    if place is not None:
        place.write_chain(walk.chain, walk.steps)
    return as_design(walk, ending)


def _check(evaluate: object, candidates: object, folder: object, accept: object) -> None:
    if not callable(evaluate):
        raise DsxError(f"evaluate = {evaluate!r}: expected a function that takes a model and returns its error")
    if candidates is not None:
        check_mapping("candidates", candidates, "{'shallow': {'rules': {'shallow': 'total_depth <= 8'}}}")
    if folder is not None:
        check_path("folder", folder, "runs/mine")
    if accept is not None:
        check_whole("accept", accept, 1, math.inf, "the number of one of the last candidates, from 1")


def as_design(walk: Walk, ending: Ending) -> Design:
    """The walk as a value."""
    models = finished(walk.pool).sort_values("error", kind="stable", ignore_index=True) if walk.known else walk.pool
    return Design(
        tuple(walk.chain), tuple(walk.steps), tuple(walk.proposal), models, dict(walk.drawn), walk.spent, ending,
        "\n".join(told(walk, ending)),
    )  # fmt: skip

"""The loop from a wide space to a good one: train some models, propose, test on fresh ones, narrow, and again.

The walk is a function of the space, the plan, the models' errors and what a person took by hand. What it decides
to train, to test and to take stands in its journal, so that it goes on from wherever it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from dsx.analysis.scan import End
from dsx.analysis.step_test import Look, LookSchedule, error_left, looks_within, schedule, widened
from dsx.analysis.verdict import Margin
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.designing.journal import Journal
from dsx.designing.models import Batch, Source, batch_seed, fresh
from dsx.designing.plan import Ending, Step, WalkPlan
from dsx.designing.proposing import refinements, worth_testing
from dsx.designing.refinement import Refinement, contained
from dsx.designing.trial import Sides, draw_sides, in_proportion, known_errors, most_of_each, part_of_error
from dsx.narrowing.proposal import LEAST
from dsx.narrowing.quantities import quantities, quantity_table
from dsx.recipes.metric import Metric
from dsx.results.arrays import Table
from dsx.results.states import finished
from dsx.spaces.definition import Space
from dsx.spaces.population import Population
from dsx.spaces.sampling import draw_population

# models drawn, never trained, that tell the law of a space; their seed is that of no batch
_REFERENCE, _REFERENCE_SEED = 2000, 1 << 62


def check_accept(journal: Journal, accept: int | None) -> None:
    """Raises DsxError for a candidate that is to be taken by hand where none was proposed last."""
    if accept is not None and journal.last not in ("proposal", "test"):
        raise DsxError(f"--accept {accept}: no candidates were proposed last; --propose-only proposes some")


class Walk:
    """A walk as far as it got. chain: the spaces, the first one first. steps: all that were tested or taken by hand.

    pool: models known of the current space. drawn: space's name → models drawn from that very space, in order.
    proposal: the last one. spent: models trained. wanted: a person's own candidates, by name. tell: told each step as
    it is decided. doing: what it is at, in words.
    """

    def __init__(
        self,
        space: Space,
        plan: WalkPlan,
        source: Source,
        journal: Journal,
        wanted: Mapping[str, Mapping[str, object]] | None = None,
        tell: Callable[[Step], object] = lambda _: None,
    ) -> None:
        import pandas as pd

        self.plan, self.journal, self.wanted = plan, journal, dict(wanted or {})
        self.chain: list[Space] = [space]
        self.steps: list[Step] = []
        self.pool = pd.DataFrame()
        self.drawn: dict[str, Table] = {}
        self.proposal: list[Refinement] = []
        self.spent, self.seconds = 0, 0.0
        self.doing = ""
        self._source, self._tell = source, tell
        self._seen: set[str] = set()
        self._tried: set[tuple[str, str, str]] = set()
        self._taken: list[tuple[str, End]] = []
        self._rounds = self._batches = 0
        self._law: Population | None = None
        self._used_up = False
        self._accept: int | None = None
        journal.rewind()

    @property
    def metric(self) -> Metric:
        """What the errors are of."""
        return self._source.metric

    @property
    def space(self) -> Space:
        """The current one."""
        return self.chain[-1]

    @property
    def known(self) -> int:
        """Models of the current space that have an error."""
        return len(finished(self.pool)) if len(self.pool) else 0

    @property
    def failures(self) -> int:
        """Candidates that were tested and not taken."""
        return sum(not step.taken for step in self.steps)

    def left(self) -> int:
        """Models that may still be trained."""
        models = self.plan.models - self.spent
        if self.plan.hours is not None and self.seconds > 0:
            models = min(models, int((self.plan.hours * 3600 - self.seconds) * self.spent / self.seconds))
        return max(models, 0)

    def run(self, propose_only: bool = False, accept: int | None = None) -> Ending:
        """Go on to the end, or to the next proposal. accept: number of the candidate to take by hand, of the last one.

        Raises DsxError if there is no such candidate, and PausedError as the source does.
        """
        self._accept = accept
        check_accept(self.journal, accept)
        while True:
            if not self._train_to(self.plan.first):
                return "budget spent"
            if self.known < LEAST:
                if self._used_up:
                    return "nothing left"
                continue  # too many of them failed
            self._propose()
            if self._by_hand():
                continue
            candidate = next((c for c in self.proposal if worth_testing(c) and c.key not in self._tried), None)
            if self._needs_more(candidate):
                self._train_to(min(self.plan.most, self.known + self.plan.first))
                continue
            if propose_only and self.journal.peek() is None:
                return "proposed"
            if candidate is None:
                return "nothing left"
            if not self._test(candidate):
                return "budget spent"

    def _train_to(self, n: int) -> bool:
        """Train models of the current space, so that n are known if all succeed; whether the budget allowed it."""
        record = self.journal.peek()
        missing = n - self.known
        if record is None and missing > 0:
            if self.left() < missing:
                return False
            record = self.journal.add("round", {"space": self.space.name, "models": missing})
        elif record is None or record["kind"] != "round":
            return True
        else:
            self.journal.take("round", dict)
        self.doing = (
            f"round {self._rounds + 1}: trains {plural(record['models'], 'model')} of {self.space.name} to propose by"
        )
        number, seed = self._next_batch()
        population = fresh(self.space, record["models"], seed, self._seen)
        table = self._tables([Batch(f"{number:02d}-{self.space.name}", self.space, population, seed)])[0]
        self._count([table])
        self._keep_drawn(self.space.name, table)
        self.pool = joined([self.pool, table])
        self._used_up = len(population) < record["models"]
        return True

    def _propose(self) -> None:
        self._rounds += 1
        record = self.journal.take("proposal", self._proposed)
        self.proposal = [Refinement.from_dict(content) for content in record["candidates"]]

    def _proposed(self) -> dict[str, Any]:
        reference = quantity_table(self.space, self._models_of_law().settings, quantities(self.space))
        seed = self.plan.seed + self._batches
        made = refinements(self.space, self.pool, reference, self._taken, self.wanted, seed, self.metric)
        candidates = [each.to_dict() for each in made]
        return {"space": self.space.name, "models": self.known, "candidates": candidates}

    def _models_of_law(self) -> Population:
        if self._law is None:
            self._law = draw_population(self.space, _REFERENCE, seed=_REFERENCE_SEED, allow_short=True).population
        return self._law

    def _needs_more(self, candidate: Refinement | None) -> bool:
        """Whether to train more of this space before anything is tested: the models do not support anything yet."""
        record = self.journal.peek()
        if record is not None:
            return record["kind"] == "round"
        supported = candidate is not None and (candidate.supported or candidate.kind == "own")
        return not supported and self.known < self.plan.most and self.left() >= self.plan.most

    def _by_hand(self) -> bool:
        """Take what a person took of this proposal, in this command or an earlier one; whether there was anything."""
        record, accept = self.journal.peek(), self._accept
        if record is None and accept is not None:
            if not 1 <= accept <= len(self.proposal):
                raise DsxError(
                    f"--accept {accept}: expected a number from 1 to {len(self.proposal)}, of the last proposal"
                )
            if not self.proposal[accept - 1].change:
                raise DsxError(f"--accept {accept}: {self.proposal[accept - 1].evidence}")
            record, self._accept = self.journal.add("by hand", {"candidate": accept}), None
        elif record is None or record["kind"] != "by hand":
            return False
        else:
            self.journal.take("by hand", dict)
        refinement = self.proposal[record["candidate"] - 1]
        narrower = refinement.applied(self.space, self._next_name())
        self._take(Step(len(self.steps) + 1, refinement, self.space.name, narrower.name), narrower, None)
        return True

    def _test(self, candidate: Refinement) -> bool:
        """Test a candidate on models that are drawn now, and take it if they say so; whether the budget allowed it."""
        narrower = candidate.applied(self.space, self._next_name())
        known = known_errors(candidate, self.pool)
        test = self._planned(candidate, known.size)
        looks = LookSchedule(tuple(test["looks"]), tuple(test["shares"]))
        if not looks.models:
            return False
        batch = self._next_batch()
        sides = draw_sides(candidate, (narrower, self.space), looks.models[-1], batch, self._seen, known)
        if sides is None or not sides.enough(looks.models[0]):
            self._tried.add(candidate.key)  # there are too few models to test it by
            return True
        planned = self.journal.take("test", lambda: test)
        number = planned["candidate"]
        if self._by_hand():
            return True
        self.doing = f"round {self._rounds}: tests candidate {number}, {candidate.words}"
        share = float(contained(narrower, self._models_of_law().settings).mean()) if candidate.exact else 0.0
        margin = widened(self.plan.margin, share) if candidate.simpler else None
        made, tables = self._look(sides, looks, planned["error"], margin)
        step = Step(
            len(self.steps) + 1, candidate, self.space.name, "", planned["error"], tuple(made), share,
            sum(map(len, tables)), known.size,
        )  # fmt: skip
        self._count(tables)
        if made[-1].outcome != "undecided":
            self._take(replace(step, after=narrower.name), narrower, tables[0])
            return True
        self._decided(step)
        self._tried.add(candidate.key)
        self.pool = joined([self.pool, *in_proportion(*tables, share)])
        return True

    def _planned(self, candidate: Refinement, known: int) -> Mapping[str, Any]:
        """What is recorded of a test: of one under way, or of one that the budget allows, if any number of looks."""
        record = self.journal.peek()
        if record is not None and record["kind"] == "test":
            return record
        models = looks_within(most_of_each(self.left(), known), candidate.simpler)
        if not models:
            return {"looks": [], "shares": []}
        after = self.left() - models[-1] - max(0, models[-1] - known)
        error = error_left(self.plan.level, (step.error for step in self.steps if not step.taken))
        error *= part_of_error(candidate, after < self.plan.first)
        shares = schedule(models, candidate.simpler, error).shares
        number = self.proposal.index(candidate) + 1
        return {"candidate": number, "error": error, "looks": list(models), "shares": list(shares)}

    def _look(
        self, sides: Sides, looks: LookSchedule, error: float, margin: Margin | None
    ) -> tuple[list[Look], tuple[Table, Table]]:
        """Train and look until it is decided, or further looks are in vain; or what was seen then."""
        record = self.journal.peek()
        if record is not None:
            self.journal.take("verdict", dict)
            return [Look(**look) for look in record["looks"]], self._both(sides, record["models"])
        made: list[Look] = []
        for at, n in enumerate(looks.models):
            tables = self._both(sides, n)
            made.append(sides.look(tables, looks, at, error, margin))
            if made[-1].outcome != "undecided" or made[-1].hopeless:
                break
        self.journal.add("verdict", {"models": n, "looks": [asdict(look) for look in made]})
        return made, tables

    def _both(self, sides: Sides, n: int) -> tuple[Table, Table]:
        inside, outside = self._tables(sides.first(n))
        return inside, outside

    def _take(self, step: Step, narrower: Space, drawn: Table | None) -> None:
        """Go on in the narrower space, with the models that are exact draws of it."""
        kept = self.pool[contained(narrower, self.pool)] if step.refinement.exact else self.pool.iloc[:0]
        self._decided(replace(step, reused=len(kept)))
        self.pool = kept if drawn is None else joined([kept, drawn])
        if drawn is not None:
            self._keep_drawn(narrower.name, drawn)
        if step.refinement.quantity:
            self._taken += [(step.refinement.quantity, end) for end in step.refinement.ends]
        self._tried.clear()
        self._law = None
        self.chain.append(narrower)

    def _decided(self, step: Step) -> None:
        self.steps.append(step)
        if self.journal.peek() is None:
            self._tell(step)

    def _next_name(self) -> str:
        return f"{self.chain[0].name}-{len(self.chain)}"

    def _next_batch(self) -> tuple[int, int]:
        self._batches += 1
        return self._batches, batch_seed(self.plan.seed, self._batches)

    def _tables(self, batches: Sequence[Batch]) -> list[Table]:
        """Results of every batch, those without models included."""
        trained = iter(self._source.tables([batch for batch in batches if len(batch.population)]))
        return [next(trained) if len(batch.population) else joined([]) for batch in batches]

    def _count(self, tables: Sequence[Table]) -> None:
        for table in filter(len, tables):
            self.spent += len(table)
            self.seconds += float(np.nansum(table["seconds"])) if "seconds" in table.columns else 0.0
            self._seen.update(table["model_id"])

    def _keep_drawn(self, name: str, table: Table) -> None:
        self.drawn[name] = joined([self.drawn[name], table]) if name in self.drawn else table


def joined(tables: Sequence[Table]) -> Table:
    """The rows of several tables, those without any left out."""
    import pandas as pd

    some = [table for table in tables if len(table)]
    return pd.concat(some, ignore_index=True) if some else pd.DataFrame()

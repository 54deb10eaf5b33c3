"""The loop: planted rules are found on fresh models, a walk goes on wherever it was, and a person may steer it."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.designing.journal import Journal
from dsx.designing.models import FunctionSource, PausedError
from dsx.designing.plan import WalkPlan
from dsx.designing.refinement import contained
from dsx.designing.walk import Walk
from dsx.networks.architecture import Architecture
from dsx.spaces.population import Model

from simulated_walks import INTERACTION, NOTHING, ORDER, SHARING, Truth, is_false, walk

SPACE = dsx.load_space("AnyNetXA-digits")


def depth_matters(model: Model) -> float:
    """Deeper than 9 blocks is worse by two; noise as a function of the network."""
    assert isinstance(model.architecture, Architecture)
    noise = np.random.default_rng(int(model.model_id[:12], 16)).normal(0, 1)
    return 10 + noise + 2.0 * (model.architecture.depth > 9)


class Counting(FunctionSource):
    """Counts evaluations; stops before so many, as a killed command does."""

    def __init__(self, evaluate: Callable[[Model], float], stop_at: int | None = None) -> None:
        super().__init__(self._counted)
        self.asked: list[str] = []
        self._real, self.stop_at = evaluate, stop_at

    def _counted(self, model: Model) -> float:
        if self.stop_at is not None and len(self.asked) >= self.stop_at:
            raise PausedError
        self.asked.append(model.model_id)
        return self._real(model)


def new_walk(source: FunctionSource | None = None, models: int = 240, **given: object) -> Walk:
    given = {"journal": Journal()} | given
    return Walk(SPACE, WalkPlan(models), source or Counting(depth_matters), **given)  # type: ignore[arg-type]


def trace(whole: Walk) -> tuple:
    """All that a walk ends with."""
    return [s.to_dict() for s in whole.chain], whole.steps, list(whole.pool["model_id"]), whole.spent, whole.proposal


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Walk, Counting]:
    source = Counting(depth_matters)
    whole = new_walk(source)
    whole.run()
    return whole, source


@pytest.mark.slow
def test_what_helps_is_found_and_tested_on_models_that_had_no_part_in_proposing_it(
    undisturbed: tuple[Walk, Counting],
) -> None:
    whole, source = undisturbed
    first = whole.steps[0]
    assert first.taken
    assert first.refinement.quantity == "total depth"
    assert first.looks[-1].outcome == "better"
    assert first.error == pytest.approx(0.4 * 0.05)
    proposed_by = set(source.asked[: whole.plan.first])
    tested = set(whole.drawn[first.after]["model_id"])
    assert not proposed_by & tested
    assert len(source.asked) == len(set(source.asked)) == whole.spent <= 240
    assert first.reused > 0
    assert contained(whole.space, whole.pool).all()


@pytest.mark.slow
def test_killed_anywhere_it_ends_as_the_undisturbed_one_and_evaluates_nothing_twice(
    undisturbed: tuple[Walk, Counting],
) -> None:
    journal, source = Journal(), Counting(depth_matters)
    moments = random.Random(3)
    for _ in range(6):
        source.stop_at = len(source.asked) + moments.randrange(1, 40)
        try:
            whole = new_walk(source, journal=journal)
            whole.run()
        except PausedError:
            continue
        break
    source.stop_at = None
    whole = new_walk(source, journal=journal)
    whole.run()
    assert trace(whole) == trace(undisturbed[0])
    assert sorted(source.asked) == sorted(undisturbed[1].asked)


@pytest.mark.slow
def test_a_larger_budget_goes_on_where_the_smaller_ended(undisturbed: tuple[Walk, Counting]) -> None:
    journal, source = Journal.in_memory(undisturbed[0].journal.records), Counting(depth_matters)
    whole = Walk(SPACE, WalkPlan(300), source, journal)
    whole.run()
    assert whole.steps[: len(undisturbed[0].steps)] == undisturbed[0].steps
    assert whole.spent > undisturbed[0].spent


@pytest.mark.slow
def test_propose_only_stops_at_the_candidates_and_tests_nothing() -> None:
    source = Counting(depth_matters)
    whole = new_walk(source)
    assert whole.run(propose_only=True) == "proposed"
    assert whole.steps == []
    assert whole.proposal[0].supported
    assert len(source.asked) % whole.plan.first == 0 or len(source.asked) == whole.plan.most
    again = new_walk(source, journal=whole.journal)
    assert again.run(propose_only=True) == "proposed"
    assert again.proposal == whole.proposal


@pytest.mark.slow
def test_a_candidate_taken_by_hand_is_marked_and_not_tested() -> None:
    source = Counting(depth_matters)
    journal = Journal()
    new_walk(source, journal=journal).run(propose_only=True)
    whole = new_walk(source, journal=journal)
    assert whole.run(propose_only=True, accept=2) == "proposed"
    step = whole.steps[0]
    assert (step.by_hand, step.taken, step.looks, step.error) == (True, True, (), 0)
    assert whole.failures == 0
    with pytest.raises(DsxError) as told:
        new_walk(source, journal=journal).run(accept=99)
    assert str(told.value) == f"--accept 99: expected a number from 1 to {len(whole.proposal)}, of the last proposal"
    assert [record["kind"] for record in journal.records].count("by hand") == 1


@pytest.mark.slow
def test_a_test_under_way_gives_way_to_a_person() -> None:
    source = Counting(depth_matters, stop_at=70)
    journal = Journal()
    with pytest.raises(PausedError):
        new_walk(source, journal=journal).run()
    assert journal.records[-1]["kind"] == "test"
    source.stop_at = None
    whole = new_walk(source, journal=journal)
    whole.run(accept=3)
    assert whole.steps[0].by_hand
    assert new_walk(source, journal=journal).run() == whole.run()


@pytest.mark.slow
def test_a_candidate_of_ones_own_is_tested_first() -> None:
    whole = new_walk(wanted={"deep": {"rules": {"deep": "total_depth >= 10"}}})
    whole.run()
    assert whole.steps[0].refinement.words == "deep"
    assert not whole.steps[0].taken
    assert whole.steps[1].error == pytest.approx(0.4 * (0.05 - whole.steps[0].error))


@pytest.mark.slow
def test_device_hours_end_a_walk_as_models_do() -> None:
    class Timed(FunctionSource):
        def tables(self, batches: list) -> list[pd.DataFrame]:  # type: ignore[override]
            return [table.assign(seconds=36.0) for table in super().tables(batches)]

    whole = Walk(SPACE, WalkPlan(400, hours=0.9), Timed(depth_matters), Journal())
    assert whole.run() == "budget spent"
    assert whole.spent <= 90


@pytest.mark.slow
def test_failed_models_are_counted_and_have_no_say() -> None:
    whole = new_walk(Counting(lambda model: float("nan") if int(model.model_id, 16) % 5 == 0 else depth_matters(model)))
    whole.run()
    assert any(step.taken for step in whole.steps)
    assert whole.known < len(whole.pool)


@pytest.mark.slow
def test_a_walk_where_every_model_fails_ends() -> None:
    assert new_walk(Counting(lambda _: float("nan")), models=60).run() == "budget spent"


@pytest.mark.slow
@pytest.mark.parametrize("truth", [ORDER, SHARING, NOTHING, INTERACTION], ids=lambda truth: truth.title)
def test_where_the_truth_is_known_no_step_is_false_and_planted_rules_are_found(truth: Truth) -> None:
    """A few walks of `tests/simulations/design.py`: with 5 % of false walks, two of three have chance 0.007."""
    made = [walk(truth, seed) for seed in (1, 2, 3)]
    assert sum(bool(each.false) for each in made) <= 1, [each.words for each in made]
    for rule in truth.rules:
        assert sum(each.found[rule] for each in made) >= 1, (rule, [each.words for each in made])


def test_a_false_step_is_known_for_one() -> None:
    assert [is_false(True, worth) for worth in (0.5, 0.52)] == [True, False]
    assert [is_false(False, worth) for worth in (0.38, 0.42)] == [True, False]

"""`dsx.design`: any function that gives a model's error will do, and a folder keeps the walk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.designing.account import error_statement, told_proposal
from dsx.networks.architecture import Architecture
from dsx.spaces.population import Model


def evaluate(model: Model) -> float:
    assert isinstance(model.architecture, Architecture)
    noise = np.random.default_rng(int(model.model_id[:12], 16)).normal(0, 1)
    return 10 + noise + 2 * (model.architecture.depth > 8)


def never(model: Model) -> float:
    raise AssertionError("evaluated again")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("design") / "walk"
    return folder, dsx.design("AnyNetXA-digits", evaluate, 100, folder=folder)


def test_a_design_tells_its_chain_steps_and_best_models(made: tuple[Path, object]) -> None:
    design = made[1]
    assert isinstance(design, dsx.design.__globals__["Design"])
    assert design.chain[0].name == "AnyNetXA-digits"
    assert design.space is design.chain[-1]
    assert len(design.chain) == 1 + sum(step.taken for step in design.steps)
    assert design.spent <= 100
    assert design.models["error"].is_monotonic_increasing
    assert set(design.drawn) == {space.name for space in design.chain}
    assert "The chance that any step taken is false is at most 5 %" in design.words


@pytest.mark.slow
def test_it_goes_on_from_its_folder_and_evaluates_nothing_again(made: tuple[Path, object]) -> None:
    folder, design = made
    again = dsx.design("AnyNetXA-digits", never, 100, folder=folder)
    assert again.words == design.words  # type: ignore[attr-defined]
    assert (folder / "spaces" / "AnyNetXA-digits.yaml").exists()


@pytest.mark.slow
def test_without_a_folder_it_is_the_same(made: tuple[Path, object]) -> None:
    again = dsx.design(dsx.load_space("AnyNetXA-digits"), evaluate, 100)
    assert again.steps == made[1].steps  # type: ignore[attr-defined]


@pytest.mark.slow
def test_candidates_of_ones_own_are_proposed_first() -> None:
    wanted = {"few": {"rules": {"few": "total_depth <= 7"}}}
    design = dsx.design("AnyNetXA-digits", evaluate, 60, candidates=wanted, propose_only=True)
    assert design.ending == "proposed"
    assert told_proposal(design.proposal)[:2] == ["  1. [yours] few", "       few: a candidate of yours."]


def test_a_function_that_is_asked_for_too_little_is_told() -> None:
    with pytest.raises(DsxError, match=r"^models = 5: expected an integer ≥ 48"):
        dsx.design("AnyNetXA-digits", evaluate, 5)


def test_the_statement_on_errors_counts_tests_and_steps_by_hand(made: tuple[Path, object]) -> None:
    from dataclasses import replace

    from dsx.designing.plan import WalkPlan

    step = made[1].steps[0]  # type: ignore[attr-defined]
    by_hand = replace(step, looks=(), after="x")
    words = error_statement(WalkPlan(level=0.9), [step, by_hand, by_hand])
    assert "is at most 10 %, whatever the number of rounds and candidates (1 test here)" in words
    assert words.endswith(" 2 steps taken by hand are not part of this.")

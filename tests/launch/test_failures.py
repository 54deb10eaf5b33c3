"""Failures of models: their classes, how they are counted, and when they are tried again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.launch.failures import (
    ALIKE_LIMIT,
    check_retry,
    kind_of,
    may_train,
    record_failure,
    told,
    write_failure,
)
from dsx.study.results import Failure
from dsx.study.study import Study
from dsx.training.faults import LoaderDied, OutOfMemory, TimeLimitExceeded

from standins import make_study, train


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=2)


def first(study: Study) -> str:
    return study.runs()[0].run_id


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried"), "out_of_memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (TimeoutError("slow"), "timeout"),
        (ValueError("memory lane"), "error"),
    ],
)
def test_failures_are_classed(error, kind):
    assert kind_of(error) == kind


def test_a_retrying_failure_may_always_be_trained():
    assert may_train(Failure("a", "error", "x", alike=9, retrying=True), [])
    assert not may_train(Failure("a", "error", "x"), [])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LoaderDied("gone"), "killed"),
        (OutOfMemory("the board is full"), "out_of_memory"),
        (TimeLimitExceeded("late"), "timeout"),
    ],
)
def test_faults_of_a_training_are_classed_by_their_type(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("alike", "retry", "trains"),
    [
        (1, [], False),
        (ALIKE_LIMIT - 1, ["failed"], True),
        (ALIKE_LIMIT, ["failed"], False),
        (ALIKE_LIMIT, ["all"], True),
        (ALIKE_LIMIT, ["timeout"], True),
        (ALIKE_LIMIT, ["r0"], True),
        (1, ["error", "r1"], False),
    ],
)
def test_what_failed_alike_too_often_is_tried_only_by_name(alike: int, retry: list[str], trains: bool) -> None:
    assert may_train(Failure("r0", "timeout", "slow", alike=alike), retry) is trains


def test_failures_are_counted_and_those_in_a_row_alike_apart(study: Study) -> None:
    run_id = first(study)
    counts = []
    for kind, message in (("error", "x"), ("error", "x"), ("error", "y"), ("timeout", "y"), ("timeout", "y")):
        failure = record_failure(study, run_id, kind, message)
        assert failure is not None
        counts.append((failure.attempts, failure.alike))
    assert counts == [(1, 1), (2, 2), (3, 1), (4, 1), (5, 2)]
    (read,) = study.failures()
    assert (read.kind, read.message, read.attempts, read.alike, read.retrying) == ("timeout", "y", 5, 2, False)


def test_a_run_with_a_result_does_not_fail_afterwards(study: Study) -> None:
    run = study.runs()[0]
    folder = study.paths.run(run.run_id).folder
    folder.mkdir(parents=True)
    train(run.architecture, study.recipe, seed=run.seed, folder=folder)
    assert record_failure(study, run.run_id, "killed", "late news") is None
    assert study.failures() == []


def test_only_a_failure_of_this_very_training_was_told(study: Study) -> None:
    run_id = first(study)
    assert told(study, run_id) is None
    failure = record_failure(study, run_id, "error", "before")
    assert failure is not None
    assert told(study, run_id) == failure
    write_failure(study.paths.run(run_id), failure, retrying=True)
    assert told(study, run_id) is None
    assert json.loads(study.paths.run(run_id).failure.read_text())["attempts"] == 1


def test_words_of_retry_are_classes_or_runs() -> None:
    check_retry(("failed", "all", "out_of_memory", "timeout", "killed", "error", "abc"), ["abc"])
    with pytest.raises(DsxError) as caught:
        check_retry(("abd",), ["abc"])
    assert str(caught.value) == (
        "--retry abd: expected failed, all, out_of_memory, timeout, killed, error or a model's id."
    )


def test_the_runs_are_not_asked_for_where_every_word_is_a_class() -> None:
    def nobody():
        raise AssertionError("asked")
        yield

    check_retry(("failed",), nobody())

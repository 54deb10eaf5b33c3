"""The record of one training: to JSON and back."""

from __future__ import annotations

import json
import math

import pytest

from dsx.base.errors import StudyError
from dsx.training.result import Result, chance_error

RESULT = Result(
    state="done",
    model_id="m",
    error=3.5,
    best_error=3.25,
    epochs=2,
    curve=[{"epoch": 1, "error": 4.0}, {"epoch": 2, "error": 3.5}],
    metrics={"last_raw_top1": 3.5},
    seconds=1.5,
    images_per_second=800.0,
    waiting=0.25,
    peak_memory_bytes=None,
    seed=7,
    recipe="digits v1",
    recipe_id="abc",
    effective_recipe={"lr": 0.1},
    split={"training_images": 10},
    device="cpu",
    environment={"torch": "2"},
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert Result.from_dict(json.loads(json.dumps(RESULT.to_dict()))) == RESULT


def test_what_later_versions_added_is_ignored_and_what_older_ones_lacked_has_a_default() -> None:
    record = RESULT.to_dict() | {"colour": "red"}
    for name in ("data", "note", "ended"):
        del record[name]
    assert Result.from_dict(record) == RESULT


def test_a_record_without_what_it_needs_names_it() -> None:
    record = RESULT.to_dict()
    del record["error"]
    with pytest.raises(StudyError) as caught:
        Result.from_dict(record)
    assert str(caught.value) == ("not the record of a result: missing 1 required positional argument: 'error'")


def test_numbers_that_are_not_finite_are_none_wherever_they_stand() -> None:
    import dataclasses

    curve = [{"epoch": 1, "loss": math.nan, "more": (math.inf, 1.0)}]
    diverged = dataclasses.replace(RESULT, state="diverged", curve=curve, images_per_second=-math.inf)
    record = diverged.to_dict()
    assert record["curve"] == [{"epoch": 1, "loss": None, "more": [None, 1.0]}]
    assert record["images_per_second"] is None
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize(("classes", "top", "error"), [(10, 1, 90.0), (10, 5, 50.0), (1000, 5, 99.5), (3, 5, 0.0)])
def test_guessing_is_right_as_often_as_there_are_guesses(classes: int, top: int, error: float) -> None:
    assert chance_error(classes, top) == pytest.approx(error)

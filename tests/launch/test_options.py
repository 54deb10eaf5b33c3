"""What a launch may be asked for."""

from __future__ import annotations

import dataclasses
import importlib
import inspect

import pytest

from dsx.base.errors import DsxError
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import TRAINER


@pytest.mark.parametrize(("name", "least"), [("workers", 1), ("limit", 0), ("max_failures", 0)])
def test_a_number_below_its_least_is_refused_and_the_least_is_taken(name: str, least: int) -> None:
    assert getattr(LaunchOptions(**{name: least}), name) == least
    with pytest.raises(DsxError) as caught:
        LaunchOptions(**{name: least - 1})
    assert str(caught.value) == f"{name} = {least - 1}: expected an integer ≥ {least}"


def test_what_is_not_asked_for_is_left_to_the_launchers_file() -> None:
    asked = LaunchOptions()
    assert (asked.workers, asked.limit, asked.max_failures, asked.run_ids) == (None, None, None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        asked.workers = 2  # type: ignore[misc]


@pytest.mark.parametrize("trainer", [TRAINER, "dsx.training.own:train"])
def test_every_trainer_is_a_function_with_the_parameters_that_workers_pass(trainer: str) -> None:
    module, _, name = trainer.partition(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert {"architecture", "recipe", "seed", "folder", "device", "threads", "should_stop"} <= set(parameters)

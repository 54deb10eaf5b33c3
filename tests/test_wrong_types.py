"""Every function that `dsx` exports, given what is plainly no argument of it: one line that names it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import dsx

NOTHING = [[1], {"a": 1}, 2.5, b"x", object()]
NO_NUMBER = ["a", "5", *NOTHING, float("nan"), -1]
NO_PATH = [[1], {"a": 1}, 2.5, b"x", -1, True]
NO_MAPPING = ["epochs=2", 2.5, [1]]
NO_FUNCTION = ["a", 2.5, [1]]


def network() -> Any:
    return dsx.published("RegNetX-200MF")


def error_of(model: object) -> float:
    raise AssertionError("no model is to be evaluated")


# function → parameter → what it cannot be; the first entry: arguments that are right
WRONG: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "load_space": ({"name": "RegNetX"}, {"name": NOTHING, "overrides": NO_MAPPING}),
    "sample": (
        {"space": "AnyNetXE-digits", "n": 2},
        {
            "space": NOTHING,
            "n": [*NO_NUMBER, None],
            "flops": NO_NUMBER,
            "params": NO_NUMBER,
            "acts": NO_NUMBER,
            "seed": [*NO_NUMBER, None],
            "resolution": NO_NUMBER,
            "num_classes": NO_NUMBER,
        },
    ),
    "complexity": (
        {"architecture": network},
        {"architecture": [*NOTHING, "RegNetX-200MF"], "resolution": [*NO_NUMBER, None]},
    ),
    "build": ({"architecture": network}, {"architecture": [*NOTHING, "RegNetX-200MF"]}),
    "published": ({"name": "ResNet-50"}, {"name": [*NOTHING, None]}),
    "open_study": ({"path": "S"}, {"path": [*NO_PATH, None]}),
    "load_recipe": ({"name_or_path": "digits"}, {"name_or_path": NOTHING, "overrides": NO_MAPPING}),
    "train": (
        {"architecture": network, "recipe": "digits", "device": "cpu"},
        {
            "architecture": [*NOTHING, "RegNetX-200MF"],
            "recipe": NOTHING,
            "seed": [*NO_NUMBER, None],
            "folder": NO_PATH,
            "device": [*NOTHING, None],
            "threads": NO_NUMBER,
        },
    ),
    "load_reference": ({}, {"folder": NO_PATH}),
    "design": (
        {"space": "AnyNetXE-digits", "evaluate": error_of},
        {
            "space": NOTHING,
            "evaluate": NO_FUNCTION,
            "budget": [*NO_NUMBER, None],
            "seed": [*NO_NUMBER, None],
            "level": [*NO_NUMBER, None],
            "margin": [*NOTHING, None],
            "candidates": NO_MAPPING,
            "folder": NO_PATH,
            "accept": NO_NUMBER,
        },
    ),
}
# what is no value but true or false, a function that is called, or a record of dsx's own
OTHERS = {"allow_short", "propose_only", "should_stop", "on_epoch", "norm"}


def test_all_functions_and_their_parameters_are_tried() -> None:
    functions = {name: function for name in dsx.__all__ if inspect.isfunction(function := getattr(dsx, name))}
    assert set(WRONG) == set(functions)
    for name, function in functions.items():
        assert set(WRONG[name][1]) == set(inspect.signature(function).parameters) - OTHERS, name


@pytest.mark.parametrize(("name", "parameter"), [(name, each) for name, (_, tried) in WRONG.items() for each in tried])
def test_what_is_no_argument_is_refused_in_one_line(name: str, parameter: str) -> None:
    right, tried = WRONG[name]
    right = {key: value() if value is network else value for key, value in right.items()}
    for value in tried[parameter]:
        with pytest.raises(dsx.DsxError) as refused:
            getattr(dsx, name)(**right | {parameter: value})
        assert "\n" not in str(refused.value), value


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("complexity", {"architecture": network, "resolution": "a"},
         "resolution = 'a': expected an integer from 1 to 2^31 − 1"),
        ("load_reference", {"folder": 3}, "folder = 3: expected a path, such as experiments/reference"),
        ("load_recipe", {"name_or_path": "digits", "overrides": "epochs=2"},
         "overrides = 'epochs=2': expected a dictionary, such as {'epochs': 20}"),
        ("train", {"architecture": network, "recipe": "digits", "seed": "5"},
         "seed = '5': expected an integer from 0 to 2^63 − 1"),
        ("train", {"architecture": network, "recipe": "digits", "threads": 2.0},
         "threads = 2.0: expected an integer ≥ 1, or None"),
        ("design", {"space": "AnyNetXE-digits", "evaluate": 5},
         "evaluate = 5: expected a function that takes a model and returns its error"),
    ],
)  # fmt: skip
def test_the_line_says_what_was_found_and_the_rule(name: str, arguments: dict[str, Any], message: str) -> None:
    arguments = {key: value() if value is network else value for key, value in arguments.items()}
    with pytest.raises(dsx.DsxError) as refused:
        getattr(dsx, name)(**arguments)
    assert str(refused.value) == message


@pytest.mark.slow
def test_a_study_grows_to_an_integer(tmp_path) -> None:
    space = dsx.load_space("AnyNetXE-digits")
    request = {"n": 2, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    study = dsx.Study.create(tmp_path / "S", dsx.sample(space, 2), space.to_dict(), request, 0)
    for n in NO_NUMBER:
        with pytest.raises(dsx.DsxError, match=r"^n = "):
            study.grow(n)

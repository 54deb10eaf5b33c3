"""Recipes that are a program or a function of the user's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dsx.base.errors import DefinitionError, DsxError
from dsx.networks.published import published
from dsx.recipes.own import OwnRecipe, recipe_of_command
from dsx.recipes.recipe import read_recipe

COMMAND = {"name": "m", "command": ["python", "train.py", "--arch", "{architecture}", "{lr}"], "settings": {"lr": 0.1}}


def own(**changes: Any) -> OwnRecipe:
    return OwnRecipe.from_dict({**COMMAND, **changes}, "recipe")


def test_what_names_a_command_or_a_function_is_a_training_of_ones_own() -> None:
    assert own().trainer == "dsx.training.own:train"
    function = read_recipe({"name": "m", "function": "package.module:run"})
    assert isinstance(function, OwnRecipe)
    assert function.trainer == "dsx.training.own:train"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"function": "a:b"}, "recipe: give either a command or a function"),
        ({"command": None}, "recipe: give either a command or a function"),
        ({"command": None, "function": "run"}, "recipe: function 'run': expected package.module:name"),
        ({"command": []}, "recipe: command = []: expected at least one entry"),
        (
            {"command": ["sh", "{sede}"]},
            "recipe: command: unknown {sede}. Did you mean seed? Known: architecture, settings, folder, model, seed,"
            " resolution, device, threads, lr; or a setting, declared under settings; a brace is written {{",
        ),
        ({"metrics": {}}, "recipe: metrics = {}: expected at least one entry"),
        ({"metrics": {"map": None}}, "recipe: metrics.map.better is required"),
        (
            {"metrics": {"map": {"better": "more"}}},
            "recipe: metrics.map.better = 'more': expected one of lower, higher",
        ),
        (
            {"metrics": {"my map": {"better": "lower"}}},
            "recipe: metrics: 'my map': expected a name of letters, digits and _, as of a column",
        ),
        ({"metric": "map"}, "recipe: metric 'map' is none of metrics: error."),
        ({"comand": ["sh"]}, "recipe: unknown key 'comand'. Did you mean command?"),
    ],
)
def test_a_fault_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        own(**changes)
    assert str(raised.value) == message


def test_names_in_braces_become_values_and_python_the_interpreter_of_dsx() -> None:
    recipe = own(command=["python", "-c", "print({{}})", "{architecture}", "a{lr}b"])
    assert recipe.words({"architecture": "a.json", "lr": 3}) == [
        sys.executable, "-c", "print({})", "a.json", "a3b",
    ]  # fmt: skip


def test_what_a_space_samples_is_among_the_settings_but_for_the_resolution() -> None:
    sampled = own().with_sampled({"lr": 0.5, "momentum": 0.9, "resolution": 64})
    assert sampled.settings == {"lr": 0.5, "momentum": 0.9}
    assert sampled.resolution == 64


def test_the_population_states_the_resolution_unless_the_recipe_does() -> None:
    assert own().at_resolution(32).resolution == 32
    assert own(resolution=8).at_resolution(32).resolution == 8


def test_the_metric_that_decides_comes_first() -> None:
    metrics = {"loss": {"better": "lower"}, "map": {"better": "higher", "unit": "%"}}
    assert [metric.name for metric in own(metrics=metrics).measures] == ["loss", "map"]
    assert [metric.name for metric in own(metrics=metrics, metric="map").measures] == ["map", "loss"]


def test_a_program_that_is_not_here_is_said_before_any_model_fails(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    own(code=str(tmp_path)).check_program()
    assert own(code=str(tmp_path)).files() == [tmp_path / "train.py"]
    with pytest.raises(DsxError) as raised:
        own(command=["no-such-program"]).check_program()
    assert str(raised.value) == ("recipe m: command: no program 'no-such-program' here; write its path, or install it")
    with pytest.raises(DsxError) as raised:
        own(code=str(tmp_path / "elsewhere")).check_program()
    assert str(raised.value) == f"recipe m: command: no file {tmp_path / 'elsewhere' / 'train.py'}; see `code`"


def test_a_network_whose_strides_use_up_the_images_is_refused() -> None:
    network = published("RegNetX-400MF")
    own(resolution=224).check(network)
    with pytest.raises(DsxError, match="does not fit recipe m"):
        own(resolution=8).check(network)


def test_a_command_line_is_a_recipe_named_after_its_script() -> None:
    assert recipe_of_command("python 'my train.py' {seed}") == {
        "name": "my train", "command": ["python", "my train.py", "{seed}"],
    }  # fmt: skip
    assert recipe_of_command("/usr/bin/trainer -x")["name"] == "trainer"
    with pytest.raises(DsxError) as raised:
        recipe_of_command("python 'train.py")
    assert str(raised.value) == '--command "python \'train.py": No closing quotation'
    with pytest.raises(DsxError) as raised:
        recipe_of_command(" ")
    assert (
        str(raised.value) == "--command: expected a program and its arguments, as in 'python train.py {architecture}'"
    )


def test_the_folder_of_the_code_is_kept_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = own(code="mine")
    assert recipe.code == str(tmp_path / "mine")
    monkeypatch.chdir("/")
    assert read_recipe(recipe.to_dict()) == recipe
    assert own(code="elsewhere").recipe_id == recipe.recipe_id  # where it lies is no part of what it is


@pytest.mark.parametrize(("word", "lone"), [("{seed", "{"), ("seed}", "}"), ('{"error": {seed}}', "{")])
def test_a_brace_that_is_not_doubled_and_names_nothing_is_refused(word: str, lone: str) -> None:
    with pytest.raises(DsxError) as raised:
        own(command=["echo", word])
    assert str(raised.value) == f"recipe: command: '{word}' has a lone '{lone}': a brace is written {lone * 2}"
    assert own(command=["echo", '{{"error": {seed}}}']).words({"seed": 3}) == ["echo", '{"error": 3}']

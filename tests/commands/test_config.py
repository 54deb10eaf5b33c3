from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base.errors import DefinitionError
from dsx.commands.config import launch_changes, load_experiment, load_launcher


def test_changes_of_a_launch_are_told_apart_by_group() -> None:
    changes = launch_changes(["recipe.lr=0.1", "recipe.data.root=/a (b)", "launcher=debug", "launcher.threads=2"])
    assert changes.recipe == {"lr": 0.1, "data.root": "/a (b)"}
    assert changes.launcher == {"threads": 2}
    assert changes.chosen == {"launcher": "debug"}
    assert launch_changes(["recipe={lr: 1}"]).recipe == {"lr": 1}


def test_a_change_of_anything_else_is_refused() -> None:
    with pytest.raises(DefinitionError) as refused:
        launch_changes(["recipy.lr=1"])
    assert str(refused.value) == "override 'recipy.lr=…': unknown key. Did you mean recipe? Known: recipe.…, launcher.…"


def test_a_launcher_is_read_by_name_path_and_kind(tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text("kind: debug\nthreads: 3\n")
    assert load_launcher(str(path), {"max_failures": 1}).to_dict() == {"kind": "debug", "threads": 3, "max_failures": 1}
    assert load_launcher("local").kind == "local"
    with pytest.raises(DefinitionError, match=r"^unknown launcher 'locl'\. Did you mean local\?"):
        load_launcher("locl")


def test_an_experiments_recipe_is_checked_when_it_is_read() -> None:
    assert load_experiment("quickstart", ["recipe.epochs=2"]).recipe.epochs == 2
    with pytest.raises(DefinitionError) as refused:
        load_experiment("quickstart", ["recipe.epoch=2"])
    assert str(refused.value).endswith("recipe: unknown key 'epoch'. Did you mean epochs?")


@pytest.mark.slow
def test_an_experiment_says_how_it_is_analysed() -> None:
    analysis = load_experiment("quickstart", ["analysis.margin=1pt", "analysis.looks=one"]).analysis
    settings = analysis.to_dict()
    assert (settings["level"], settings["margin"], settings["looks"]) == (0.95, "1pt", "one")
    assert load_experiment("quickstart", ["analysis.margin=0.05"]).analysis.margin == "0.05"
    for override, message in (
        ("analysis.margin=0.7", "margin = 0.7: as a probability it lies between 0 and 0.5, such as 0.1"),
        ("analysis.looks=two", "analysis.looks = 'two': expected one of any, one"),
        ("analysis.out=", "analysis.out = ''"),
        ("analysis.figure=all", "unknown key 'figure' in analysis. Did you mean figures?"),
    ):
        with pytest.raises(DefinitionError) as refused:
            load_experiment("quickstart", [override])
        assert message in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


def test_an_experiment_names_spaces_or_networks_and_a_number_of_models(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("defaults: [{recipe: digits}]\n")
    for content, message in (
        ("", "names no spaces and no networks: list at least one, as in spaces: [AnyNetXA]"),
        ("spaces: [AnyNetXA-digits]\n", "n is missing: the number of models of each space, as in n: 100"),
        (
            "networks: [ResNet-18]\npaper: {source: table 1, errors: {ResNet-19: [30, 31]}}\n",
            "paper.errors names 'ResNet-19', which is none of its spaces. Did you mean ResNet-18?",
        ),
    ):
        file.write_text("defaults: [{recipe: digits}]\n" + content)
        with pytest.raises(DefinitionError) as refused:
            load_experiment(str(file))
        assert message in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base.compose import compose_file, compose_group
from dsx.base.errors import DefinitionError
from dsx.base.overrides import parse_override


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one recipe and a launcher of its own beside an experiment."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "recipe" / "digits.yaml", "lr: 1\nepochs: 2\n")
    write(tmp_path / "x" / "digits.yaml", "lr: 5\nhalf: ${.lr}\n")
    return tmp_path


def composed(path: Path, *overrides: str) -> dict[str, object]:
    return compose_file(path, ("recipe", "launcher"), [parse_override(text) for text in overrides])


def test_a_name_is_looked_up_beside_the_experiment_and_a_path_from_its_folder(folder: Path) -> None:
    by_name = write(folder / "a.yaml", "defaults: [{recipe: digits}]\nn: 1\n")
    assert composed(by_name) == {"recipe": {"lr": 1, "epochs": 2}, "n": 1}
    by_path = write(folder / "b.yaml", "defaults: [{recipe: ./x/digits.yaml}]\nn: 1\n")
    assert composed(by_path) == {"recipe": {"lr": 5, "half": 5}, "n": 1}
    from_here = write(folder / "deep" / "c.yaml", "defaults: [{recipe: x/digits.yaml}]\nn: 1\n")
    assert composed(from_here)["recipe"] == {"lr": 5, "half": 5}


def test_the_experiment_itself_comes_last_and_overrides_after_it(folder: Path) -> None:
    path = write(folder / "a.yaml", "defaults: [{recipe: digits}]\nrecipe: {lr: 3, twice: '${n}'}\nn: 1\n")
    assert composed(path)["recipe"] == {"lr": 3, "epochs": 2, "twice": 1}
    assert composed(path, "recipe.lr=4", "n=7")["recipe"] == {"lr": 4, "epochs": 2, "twice": 7}
    assert composed(path, "~recipe.lr")["recipe"] == {"epochs": 2, "twice": 1}


@pytest.mark.parametrize("defaults", ["[{recipe: digits}]", "[_self_]"])
def test_an_override_chooses_a_groups_file(folder: Path, defaults: str) -> None:
    path = write(folder / "a.yaml", f"defaults: {defaults}\nn: 1\n")
    assert composed(path, "recipe=./x/digits.yaml", "recipe.lr=6")["recipe"] == {"lr": 6, "half": 6}


def test_experiments_build_on_experiments_and_recipes_on_recipes(folder: Path) -> None:
    write(folder / "base.yaml", "defaults: [{recipe: digits}]\nn: 1\nm: 2\n")
    write(folder / "recipe" / "mine.yaml", "defaults: [digits]\nlr: 8\n")
    path = write(folder / "a.yaml", "defaults: [base, {override recipe: mine}]\nn: 3\n")
    assert composed(path) == {"recipe": {"lr": 8, "epochs": 2}, "n": 3, "m": 2}


def test_one_file_of_a_group_is_read_alike(folder: Path) -> None:
    assert compose_group("recipe", folder / "x" / "digits.yaml") == {"lr": 5, "half": 5}
    assert compose_group("recipe", folder / "x" / "digits.yaml", {"lr": 6, "a": {"b": 1}}) == {
        "lr": 6, "half": 6, "a": {"b": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: [{recipe: digitz}]", "a.yaml: defaults: unknown recipe 'digitz'. Did you mean digits? ("),
        ("defaults: [{recipe: ./no.yaml}]", "a.yaml: defaults: ./no.yaml: no such recipe file"),
        ("defaults: recipe", "a.yaml: defaults = 'recipe': expected a list"),
        ("defaults: [a]", "a.yaml: defaults: a file cannot build on itself, directly or through others"),
        ("n: ${m}", "a.yaml: Interpolation key 'm' not found"),
        ("- 1", "a.yaml: expected a mapping of keys to values"),
        ("n: [1", "a.yaml, line 1: not valid YAML: "),
    ],
)
def test_a_fault_is_one_line_that_opens_with_the_file(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        composed(write(folder / "a.yaml", text))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"{folder}/{message}")

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base import resources
from dsx.recipes.explain import describe_recipe, list_recipes
from dsx.recipes.recipe import load_recipe


@pytest.mark.slow
def test_every_recipe_is_listed_with_what_it_is_for() -> None:
    lines = {line.split()[0]: line for line in list_recipes().splitlines()[1:]}
    assert set(lines) == set(resources.names("experiments", "recipe"))
    assert lines["digits"].split()[1:4] == ["digits", "8", "8"]
    assert lines["digits"].endswith("a population in minutes on two cores")


def test_a_recipe_is_described_with_all_its_fields() -> None:
    text = describe_recipe("digits")
    assert load_recipe("digits").describe() in text
    assert "  label_smoothing: 0.0\n" in text
    assert text.splitlines()[-1] == f"file: {resources.find('experiments', 'digits', group='recipe')}"


@pytest.mark.slow
def test_a_file_with_a_fault_is_listed_with_the_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "experiments" / "recipe").mkdir(parents=True)
    (tmp_path / "experiments" / "recipe" / "torn.yaml").write_text("lr: 1\n")
    monkeypatch.chdir(tmp_path)
    assert "torn" in list_recipes()
    assert "cannot be read: recipe torn: name is required" in list_recipes()

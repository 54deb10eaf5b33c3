"""The documented networks of one file each, from a space to an analysis: `dsx sample`, `launch`, `analyze`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from dsx.results.columns import COSTS
from dsx.study.study import open_study

from command_line import Command

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
# space, recipe, changes to it, shape of one example, and an error in percent that says something was learnt
SPACES = [
    ("MLP-cancer", "cancer.yaml", ["recipe.epochs=4"], [30], 20),
    ("Conv1D-signals", "signals.yaml", ["recipe.epochs=3"], [2, 64], 50),
    ("ViT-digits", "digits", ["recipe.optimiser.name=adamw", "recipe.lr=0.002", "recipe.epochs=3"], [1, 8, 8], 60),
]


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the examples, whose data sets are found by their modules' names, also in other processes."""
    folder = tmp_path / "mine"
    shutil.copytree(EXAMPLES, folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    yield folder
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "recipe", "changes", "shape", "learnt"), SPACES, ids=[space[0] for space in SPACES])
def test_a_network_of_one_file_goes_all_the_way(
    name: str, recipe: str, changes: list[str], shape: list[int], learnt: float, examples: Path, dsx: Command
) -> None:
    del examples
    assert dsx("sample", "--space", f"mine/{name}.yaml", "--n", 4).code == 0
    where = f"mine/{recipe}" if recipe.endswith(".yaml") else recipe
    done = dsx("launch", f"runs/{name}", "--recipe", where, "--workers", 1, "--device", "cpu", *changes)
    assert done.code == 0, done
    study = open_study(f"runs/{name}")
    assert study.counts()["done"] == 4
    assert list(study.population[0].architecture.input) == shape
    assert study.results()["error"].min() < learnt
    assert dsx("analyze", f"runs/{name}").code == 0
    summary = pd.read_csv(f"runs/{name}/analysis/summary.csv")
    assert summary["done"].tolist() == [4]
    ranges = pd.read_csv(f"runs/{name}/analysis/best_ranges.csv")
    assert set(ranges["parameter"]) <= {*study.population.settings, *COSTS}
    assert len(ranges) > 2
    model = study.population.model_ids[0]
    shown = dsx("show", f"runs/{name}", model[:6])
    assert f"{study.population[0].params:,} params" in shown.out
    assert f"at {'×'.join(map(str, shape[-2:]))}, " in shown.out
    assert dsx("time", f"runs/{name}", "--limit", 1, "--batch-size", 2).code == 0

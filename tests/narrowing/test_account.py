"""What was looked at and taken is told, and what follows from it named."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.narrowing.account import narrow, one_space
from dsx.study.study import Study

SPACE = dsx.load_space("AnyNetXA-digits")


def with_errors(population: pd.DataFrame, effect: float, seed: int = 0) -> pd.DataFrame:
    """Finished models whose error rises by `effect` with every width that is below the one before it."""
    widths = population[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)
    steps_down = (np.diff(widths, axis=1) < 0).sum(axis=1)
    error = 3 + effect * steps_down + np.random.default_rng(seed).normal(0, 0.3, len(population))
    return population.assign(state="done", error=error, run_id=population["model_id"])


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """A function: a study of 60 models whose results are given, not trained. effect: as in `with_errors`."""

    def make(name: str = "a", effect: float = 0.5, space: dsx.Space = SPACE, seed: int = 0) -> Study:
        monkeypatch.setattr(Study, "results", lambda study: with_errors(study.population.table, effect, study.seed))
        population = dsx.sample(space, n=60, seed=seed)
        request = {"n": 60, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
        return Study.create(tmp_path / name, population, space.to_dict(), request, seed)

    return make


@pytest.mark.slow
def test_narrow_tells_writes_and_names_the_next_command(pretended, tmp_path):
    told = "\n".join(narrow([pretended()], ["width"], tmp_path / "mine.yaml").lines)
    assert "AnyNetXA-digits: 60 models: 60 done" in told
    assert "[supported] width: values never decrease from stage to stage" in told
    assert f"next: dsx sample --space {tmp_path}/mine.yaml --n 60 --seed 1" in told
    assert dsx.load_space(str(tmp_path / "mine.yaml")).rules["width"].order == "non_decreasing"


@pytest.mark.slow
def test_narrow_writes_nothing_where_nothing_is_shown(pretended, tmp_path):
    study = pretended(effect=0.0, seed=1)
    narrowing = narrow([study], ["group_width"], tmp_path / "mine.yaml")
    assert narrowing.problem.startswith("narrow: none of these is supported by the models, so no space was written")
    assert narrowing.out is None
    assert any("[not shown]" in line for line in narrowing.lines)
    assert not (tmp_path / "mine.yaml").exists()
    narrow([study], ["group_width"], tmp_path / "mine.yaml", take=[1])
    assert (tmp_path / "mine.yaml").exists()


def test_studies_of_different_spaces_are_not_narrowed_together(pretended):
    other = pretended("b", space=dsx.load_space("AnyNetXE-digits"))
    with pytest.raises(DsxError, match="are of different spaces"):
        narrow([pretended(), other])


@pytest.mark.slow
def test_studies_of_one_space_are_narrowed_as_one_table(pretended):
    first, second = pretended("a", seed=0), pretended("b", seed=1)
    space, table = one_space([first, second])
    assert space.name == "AnyNetXA-digits"
    assert set(table["run_id"]) == {*first.population.model_ids, *second.population.model_ids}
    assert table["run_id"].is_unique
    assert len(one_space([first, first])[1]) == 60


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 99])
def test_a_rule_that_is_not_listed_cannot_be_taken(number, pretended, tmp_path):
    study = pretended()
    with pytest.raises(DsxError) as refused:
        narrow([study], ["depth"], tmp_path / "mine.yaml", take=[number])
    listed = sum(bool(re.match(r"  \d+\. ", line)) for line in narrow([study], ["depth"]).lines)
    assert str(refused.value) == f"--take {number}: expected a number from 1 to {listed}, of the rules listed"


@pytest.mark.slow
def test_without_a_file_nothing_is_written_and_the_account_says_so(pretended, tmp_path):
    lines = narrow([pretended()], ["width"]).lines
    assert lines[-1] == "nothing written: name a file with --out, and others than the supported with --take"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]

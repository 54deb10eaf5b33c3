"""Populations as tables and files."""

from pathlib import Path

import numpy as np
import pytest

import dsx
from dsx.base.errors import StudyError
from dsx.spaces.population import Population


@pytest.fixture
def population(small_space):
    return dsx.sample(small_space(constraints={"flops": "150k:400k"}), 12)


def test_the_table_has_a_row_for_each_model(population):
    table = population.table
    stages = [f"{name}_{i}" for name in ("depth", "width") for i in (1, 2, 3)]
    assert list(table.columns) == [
        "model_id", "space", *stages, "bottleneck_ratio", "group_width", "flops", "params", "acts",
    ]  # fmt: skip
    assert table["model_id"].tolist() == [model.architecture.model_id for model in population]
    assert set(table["space"]) == {"small"}
    assert population[3].setting == {name: table[name][3] for name in population.settings}


def test_a_file_gives_the_population_back(population, tmp_path):
    path = tmp_path / "population.parquet"
    population.write(path)
    again = Population.read(path)
    assert again.table.equals(population.table)
    assert list(again.contents) == population.contents
    assert again.resolution == population.resolution
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_models_are_a_population_too(population):
    few = population.first(5)
    assert few.table.equals(population.table[:5])
    assert (few.contents, few.resolution, few.space) == (population.contents[:5], population.resolution, "small")
    assert len(population.first(99)) == 12


def test_text_settings_survive_the_file(small_space, tmp_path):
    blocks = {"distribution": "choice", "values": ["x", "r"]}
    population = dsx.sample(small_space(parameters={"block": blocks}), 8)
    population.write(tmp_path / "p")
    assert Population.read(tmp_path / "p")[0].setting == population[0].setting


@pytest.mark.slow
def test_a_torn_file_is_told(population, tmp_path):
    path = tmp_path / "population.parquet"
    population.write(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StudyError) as refusal:
        Population.read(path)
    assert str(refusal.value).startswith(f"{path}: not a readable Parquet file, perhaps cut short (")
    assert str(refusal.value).endswith("); restore it from a copy, or sample again")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(StudyError) as refusal:
        Population.read(tmp_path / "population.parquet")
    assert str(refusal.value) == f"{tmp_path}/population.parquet: no population here; `dsx sample` makes one"


@pytest.mark.parametrize(
    ("drop", "found"), [(["flops"], "lacks the column flops"), (None, "holds no rows")], ids=["column", "empty"]
)
def test_a_foreign_file_is_told(population, tmp_path, drop, found):
    path = tmp_path / "population.parquet"
    table = population.table.assign(architecture=population.contents)
    (table.drop(columns=drop) if drop else table.iloc[:0]).to_parquet(path)
    with pytest.raises(StudyError) as refusal:
        Population.read(path)
    assert str(refusal.value) == f"{path}: not a population: it {found}; restore it from a copy, or sample again"


def test_metrics_are_integers(population):
    for name in ("flops", "params", "acts"):
        assert getattr(population, name).dtype == np.int64


def test_a_damaged_page_is_told_whichever_column_it_is_of(tmp_path: Path) -> None:
    population = dsx.sample(dsx.load_space("AnyNetXE-digits"), n=40, seed=0)
    path = tmp_path / "population.parquet"
    population.write(path)
    whole = path.read_bytes()
    at = whole.index(b"PAR1", 0) + 4
    told = set()
    for start in range(at, len(whole) - 200, 997):
        path.write_bytes(whole[:start] + bytes(60) + whole[start + 60 :])
        try:
            list(Population.read(path).contents)
        except StudyError as error:
            told.add(str(error).partition(" (")[0])
    assert told == {f"{path}: not a readable Parquet file, perhaps cut short"}

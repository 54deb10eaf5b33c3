"""What was trained so far goes to another machine and back: nothing is trained twice, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from saved_records import main, restore_records, restored_experiment, save_records

import dsx
from dsx.base import resources
from dsx.base.errors import DsxError
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import load_recipe
from dsx.study.study import Study

RECIPE = {"epochs": 1, "schedule.warmup_epochs": 0.0}


def study(folder: Path, n: int = 3, seed: int = 0) -> Study:
    """A fresh study of digits networks, with its recipe, nothing trained."""
    space = dsx.load_space("RegNetX-digits")
    population = dsx.sample(space, n=n, seed=seed)
    made = Study.create(folder, population, space.to_dict(), {"n": n}, seed=seed)
    made.set_recipe(load_recipe("digits", RECIPE))
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of two trained networks, to be saved and left as it is."""
    made = study(tmp_path_factory.mktemp("trained") / "X", n=2)
    train([made])
    return made


def train(studies: list[Study], limit: int | None = None) -> None:
    """At most so many models, in this process."""
    DebugLauncher().launch(studies, LaunchOptions(limit=limit, device="cpu", progress=False))


def contents(made: Study) -> dict[str, bytes]:
    return {
        run.run_id: path.read_bytes() for run in made.runs() if (path := made.paths.run(run.run_id).result).exists()
    }


@pytest.mark.slow
def test_a_population_sampled_again_goes_on_from_the_saved_records(tmp_path: Path) -> None:
    trained = study(tmp_path / "here" / "X")
    train([trained], limit=2)
    assert save_records([trained], tmp_path / "kept") == {"X": 2}

    fresh = study(tmp_path / "elsewhere" / "X")
    assert restore_records([fresh], tmp_path / "kept") == {"X": 2}
    assert contents(fresh) == contents(trained)
    assert fresh.results().equals(trained.results())
    before = contents(fresh)
    train([fresh])
    assert fresh.counts()["done"] == 3
    assert {run_id: fresh.paths.run(run_id).result.read_bytes() for run_id in before} == before
    assert restore_records([fresh], tmp_path / "kept") == {"X": 0}


def test_records_are_saved_to_the_same_bytes(trained: Study, tmp_path: Path) -> None:
    first = saved(trained, tmp_path / "kept")
    assert saved(trained, tmp_path / "kept") == first
    fresh = study(tmp_path / "elsewhere" / "X", n=2)
    restore_records([fresh], tmp_path / "kept")
    assert saved(fresh, tmp_path / "again") == first
    assert sum(map(len, first.values())) < 20_000


def saved(made: Study, folder: Path) -> dict[str, bytes]:
    save_records([made], folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_second_seeds_are_restored_with_their_study(tmp_path: Path) -> None:
    trained = study(tmp_path / "X", n=2)
    trained.set_recipe(load_recipe("digits", RECIPE), replicates=2)
    train([trained], limit=3)
    save_records([trained], tmp_path / "kept")
    fresh = study(tmp_path / "elsewhere" / "X", n=2)
    assert restore_records([fresh], tmp_path / "kept") == {"X": 3}
    assert fresh.replicates == 2
    assert fresh.counts() == trained.counts()


def test_a_study_that_was_not_restored_does_not_overwrite_what_was_saved(trained: Study, tmp_path: Path) -> None:
    first = saved(trained, tmp_path / "kept")
    fresh = study(tmp_path / "elsewhere" / "X", n=2)
    with pytest.raises(DsxError) as told:
        save_records([fresh], tmp_path / "kept")
    assert str(told.value) == (
        f"{tmp_path}/kept/X.records.parquet: holds 2 records that {tmp_path}/elsewhere/X lacks, the first of run"
        f" {min(contents(trained))}; restore it first, or save to another folder"
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()} == first


def test_another_recipe_is_refused(trained: Study, tmp_path: Path) -> None:
    save_records([trained], tmp_path / "kept")
    fresh = study(tmp_path / "elsewhere" / "X", n=2)
    fresh.set_recipe(load_recipe("digits", RECIPE | {"lr": 0.05}))
    assert trained.recipe is not None
    assert fresh.recipe is not None
    with pytest.raises(DsxError) as told:
        restore_records([fresh], tmp_path / "kept")
    assert str(told.value) == (
        f"{tmp_path}/kept/X.records.parquet: was trained with recipe {trained.recipe.recipe_id}, and"
        f" {tmp_path}/elsewhere/X has recipe {fresh.recipe.recipe_id} (digits v1); restore with the recipe that was"
        " trained with"
    )
    assert contents(fresh) == {}


def test_another_population_is_refused(trained: Study, tmp_path: Path) -> None:
    save_records([trained], tmp_path / "kept")
    other = study(tmp_path / "elsewhere" / "X", n=2, seed=1)
    with pytest.raises(DsxError, match=rf"X\.records\.parquet: has run {trained.runs()[0].run_id}, which is none of"):
        restore_records([other], tmp_path / "kept")
    assert contents(other) == {}


def test_a_file_that_is_no_parquet_says_so(trained: Study, tmp_path: Path) -> None:
    save_records([trained], tmp_path / "kept")
    (tmp_path / "kept" / "X.records.parquet").write_bytes(b"torn")
    with pytest.raises(DsxError, match=r"X\.records\.parquet: not readable as saved records \(.*\); restore it from"):
        restore_records([study(tmp_path / "elsewhere" / "X", n=2)], tmp_path / "kept")


@pytest.mark.slow
def test_the_command_goes_from_an_experiment_to_restored_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["spaces=[AnyNetXA-digits,RegNetX-digits]", "n=2", "recipe.epochs=1", "out=runs/small"]
    studies = restored_experiment("quickstart", tmp_path / "kept", overrides)
    train(studies, limit=3)
    main(["save", "runs/small", "kept"])
    assert capsys.readouterr().out.endswith("wrote kept: 3 records (AnyNetXA-digits 2, RegNetX-digits 1)\n")
    main(["restore", "quickstart", "kept", *overrides, "out=runs/again"])
    assert capsys.readouterr().out.endswith(
        "runs/again/AnyNetXA-digits: 2 of 2 trained\nruns/again/RegNetX-digits: 1 of 2 trained\n"
    )
    with pytest.raises(DsxError, match=r"^usage: python analysis/saved_records\.py save "):
        main(["save"])


@pytest.mark.slow
def test_the_reference_study_goes_on_from_its_shipped_records(tmp_path: Path) -> None:
    """The populations are still those that were trained: else the records would be refused."""
    folder = resources.shipped("experiments") / "reference_28" / "partial"
    studies = json.loads((folder / "partial.json").read_text(encoding="utf-8"))["studies"]
    restored = restored_experiment("reference_28", folder, [f"out={tmp_path}"])
    assert {study.name for study in restored} == set(studies)
    for study in restored:
        counts = study.counts()
        assert counts["done"] + counts["diverged"] == studies[study.name]["records"]
    assert all(path.stat().st_size < 2_000_000 for path in folder.iterdir())

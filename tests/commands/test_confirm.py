"""`dsx confirm`: winners trained anew."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dsx.analysis.confirmation import confirm
from dsx.base.errors import DsxError
from dsx.commands.confirm import Confirmed, ConfirmRequest, confirm_winners, fresh_seed
from dsx.commands.sample import SampleRequest, sample
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import load_recipe
from dsx.study.reproduce import commands
from dsx.study.study import Study, open_study

from command_line import Command
from standins import expected_error, launch_here, starts


@pytest.fixture
def trained(tmp_path: Path) -> Study:
    study = sample(SampleRequest("AnyNetXA-digits", 12, out=tmp_path / "S")).study
    study.set_recipe(load_recipe("digits"))
    launch_here(study, workers=1)
    return study


def run(study: Study, **changes: object) -> Confirmed:
    options = {"device": "cpu", "progress": False, "trainer": "standins:train", "limit": changes.pop("limit", None)}
    request = {"on": "debug", "top": 4, "seeds": 2, "options": LaunchOptions(**options)} | changes  # type: ignore[arg-type]
    return confirm_winners(ConfirmRequest(str(study.path), **request))  # type: ignore[arg-type]


def best(study: Study, n: int) -> list[str]:
    return list(study.results().sort_values("error")["model_id"][:n])


@pytest.mark.slow
def test_the_best_models_are_trained_with_seeds_that_none_had_before(trained: Study) -> None:
    confirmed = run(trained)
    study = open_study(trained.path.with_name("S-confirmed"))
    assert study.population.model_ids == best(trained, 4)
    assert study.recipe == trained.recipe
    seeds = {run.seed for run in study.runs()}
    assert len(seeds) == 8
    assert not seeds & {run.seed for run in trained.runs()}
    assert [expected_error(run.model_id, run.seed) for run in study.runs()] == list(study.results()["error"])
    assert confirmed.confirmation is not None
    expected = confirm(trained.results(), study.results())
    assert confirmed.confirmation.table.equals(expected.table)
    written = pd.read_csv(study.paths.analysis / "confirmation.csv")
    assert written["model_id"].tolist() == best(trained, 4)
    assert "The best model showed" in confirmed.text()
    assert confirmed.code == 0


@pytest.mark.slow
def test_again_it_goes_on_with_the_winners_of_the_first_time(trained: Study) -> None:
    some = run(trained, limit=3)
    assert some.text() == "5 trainings still to come: the same command goes on, and tells what was luck"
    chosen = some.study.population.model_ids
    larger = trained.grow(30)
    launch_here(larger, workers=1)
    assert best(open_study(trained.path), 4) != chosen
    again = run(trained)
    assert again.study.population.model_ids == chosen
    assert len(starts(again.study)) == 8
    assert run(trained, top=2, seeds=1).study.population.model_ids == chosen
    more = run(trained, top=6)
    others = [model_id for model_id in best(open_study(trained.path), 30) if model_id not in chosen]
    assert more.study.population.model_ids == [*chosen, *others[:2]]
    assert len(starts(more.study)) == 12


@pytest.mark.slow
def test_another_recipe_makes_a_study_of_its_own(trained: Study) -> None:
    confirmed = run(trained, recipe="digits", overrides=("recipe.epochs=20",))
    assert confirmed.study.path.name == "S-confirmed-digits"
    assert confirmed.study.recipe is not None
    assert confirmed.study.recipe.epochs == 20
    assert confirmed.confirmation is not None
    assert not confirmed.confirmation.same_recipe
    assert "by schedule and luck together" in confirmed.text()


@pytest.mark.slow
def test_the_study_tells_how_it_was_made(trained: Study) -> None:
    study = run(trained).study
    folder = trained.path.parent
    assert commands(study)[0] == f"dsx confirm {folder}/S --top 4 --seeds 2 --out {folder}/S-confirmed"


def test_a_seed_is_fresh_and_always_the_same() -> None:
    assert fresh_seed(0) == fresh_seed(0)
    assert len({*range(50), *(fresh_seed(seed) for seed in range(50))}) == 100


@pytest.mark.slow
def test_what_cannot_be_confirmed_is_one_line(trained: Study, tmp_path: Path, dsx: Command) -> None:
    for changes, message in (
        ({"top": 0}, "--top 0: expected an integer ≥ 1"),
        ({"seeds": 0}, "--seeds 0: expected an integer ≥ 1"),
        ({"top": 13}, f"--top 13: {tmp_path}/S has 12 finished models: train more, or ask for fewer"),
        ({"recipe": "digit"}, "unknown recipe 'digit'. Did you mean digits?"),
    ):
        with pytest.raises(DsxError) as caught:
            run(trained, **changes)
        assert str(caught.value).startswith(message)
    assert not (tmp_path / "S-confirmed").exists()
    new = sample(SampleRequest("AnyNetXA-digits", 3, out=tmp_path / "new")).study
    done = dsx("confirm", new.path)
    assert done.code == 2
    assert done.err.startswith(f"dsx: {tmp_path}/new: has no recipe yet, so no model of it was trained")


@pytest.mark.slow
def test_real_winners_are_trained_anew(dsx: Command, tmp_path: Path) -> None:
    space = "name: s\nextends: AnyNetXA-digits\nstem: {type: cifar, width: 8}\nstages: 2\nstrides: [2, 2]\n"
    (tmp_path / "s.yaml").write_text(
        f"{space}parameters:\n  depth: {{high: 2}}\n  width: {{high: 64}}\nconstraints: null\n"
    )
    assert dsx("sample", "--space", "./s.yaml", "--n", 5, "--out", "S").code == 0
    assert dsx("launch", "S", "--recipe", "digits", "recipe.epochs=1", "--device", "cpu").code == 0
    done = dsx("confirm", "S", "--top", 3, "--seeds", 2, "--device", "cpu")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[-1] == "wrote S-confirmed/analysis/confirmation.csv"
    assert "Among them" in lines[-3]
    assert "validation set's" in lines[-3]
    assert open_study(tmp_path / "S-confirmed").counts()["done"] == 6

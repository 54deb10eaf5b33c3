"""Which runs a launch is to train, whatever launcher carries it out."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsx.base.errors import DsxError
from dsx.launch import pending
from dsx.launch.failures import record_failure
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_data_here, check_studies, limited, modules_of, pending_runs, wanted
from dsx.recipes.recipe import Recipe, load_recipe, read_recipe
from dsx.study.claims import claim
from dsx.study.study import Study
from dsx.training.data import check
from dsx.training.data.check import ImagesFound

from standins import make_study, train


def finish(study: Study, row: int) -> None:
    run = study.runs()[row]
    folder = study.paths.run(run.run_id).folder
    folder.mkdir(parents=True)
    train(run.architecture, study.recipe, seed=run.seed, folder=folder)


def rows(study: Study, run_ids: list[str]) -> list[int]:
    order = [run.run_id for run in study.runs()]
    return [order.index(run_id) for run_id in run_ids]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six runs: the first is finished, the second runs, the third failed; three are pending."""
    made = make_study(tmp_path / "a", n=6)
    ids = [run.run_id for run in made.runs()]
    finish(made, 0)
    assert claim(made.paths.run(ids[1])) is not None
    record_failure(made, ids[2], "timeout", "slow")
    return made


def test_pending_runs_are_wanted_in_order_and_failed_ones_when_asked(study: Study) -> None:
    assert rows(study, wanted(study.scan(), LaunchOptions())) == [3, 4, 5]
    assert rows(study, wanted(study.scan(), LaunchOptions(retry=("timeout",)))) == [2, 3, 4, 5]
    assert rows(study, wanted(study.scan(), LaunchOptions(retry=("error",)))) == [3, 4, 5]


def test_only_the_runs_that_are_named_are_wanted(study: Study) -> None:
    ids = [run.run_id for run in study.runs()]
    named = LaunchOptions(run_ids=frozenset([ids[0], ids[2], ids[4]]))
    assert rows(study, wanted(study.scan(), named)) == [4]


def test_studies_take_turns(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=n) for name, n in (("a", 1), ("b", 3), ("c", 2))]
    order = [run.study.path.name for run in pending_runs(studies, LaunchOptions())]
    assert order == ["a", "b", "c", "b", "c", "b"]
    assert [run.study.path.name for run in limited(pending_runs(studies, LaunchOptions()), LaunchOptions(limit=2))] == [
        "a",
        "b",
    ]
    runs = pending_runs(studies, LaunchOptions())
    assert limited(runs, LaunchOptions()) == runs
    assert limited(runs, LaunchOptions(limit=0)) == []


def test_a_launch_that_was_just_killed_is_given_a_moment(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers still hold their claims; a moment later, what they held is pending."""
    held = study.paths.run(study.runs()[1].run_id)

    def gone(seconds: float) -> None:
        held.claim(1).unlink()

    monkeypatch.setattr(pending.time, "sleep", gone)
    assert rows(study, [run.run_id for run in pending_runs([study], LaunchOptions())]) == [1, 3, 4, 5]


def test_studies_need_to_be_there_and_to_have_a_recipe(tmp_path: Path) -> None:
    bare = make_study(tmp_path / "bare", n=1, recipe=False)
    for studies, message in (
        ([], "no study given: `dsx sample` makes one"),
        ([bare], f"{bare.path}: has no recipe yet; name one: dsx launch {bare.path} --recipe digits"),
    ):
        with pytest.raises(DsxError) as caught:
            check_studies(studies, LaunchOptions())
        assert str(caught.value) == message


def test_a_run_of_any_of_the_studies_may_be_tried_again_by_its_id(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=n) for name, n in (("a", 1), ("b", 3))]
    check_studies(studies, LaunchOptions(retry=(studies[1].runs()[2].run_id,)))
    with pytest.raises(DsxError, match=r"^--retry nothing: expected failed, all, "):
        check_studies(studies, LaunchOptions(retry=("nothing",)))


def test_images_are_looked_at_once_a_recipe_and_only_where_something_is_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def look(recipe: Recipe) -> ImagesFound:
        looked.append(recipe.lr)
        return ImagesFound(100, 10, ())

    monkeypatch.setattr(check, "check_data", look)
    over = make_study(tmp_path / "over", n=1, lr=0.5)
    finish(over, 0)
    studies = [make_study(tmp_path / name, n=1, lr=lr) for name, lr in (("a", 0.1), ("b", 0.2), ("c", 0.1))]
    images = check_data_here([*studies, over])
    assert looked == [0.1, 0.2]
    assert [recipe.lr for recipe in images] == [0.1, 0.2]


def test_networks_of_other_classes_than_the_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "check_data", lambda recipe: ImagesFound(100, 7, ()))
    with pytest.raises(DsxError, match=r"^the network has num_classes 10 and data set digits of recipe digits has 7: "):
        check_data_here([make_study(tmp_path / "a", n=1)])


def test_a_data_set_that_ends_the_program_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(recipe: Recipe) -> ImagesFound:
        raise SystemExit(3)

    monkeypatch.setattr(check, "check_data", leave)
    with pytest.raises(DsxError) as caught:
        check_data_here([make_study(tmp_path / "a", n=1)])
    assert str(caught.value) == (
        "data set digits: ended the program (sys.exit(3)) while its images were looked at: raise an exception instead"
    )


def test_workers_are_forked_from_a_process_that_has_loaded_what_their_trainings_need(tmp_path: Path) -> None:
    digits, augmented, own = (make_study(tmp_path / name, recipe=False) for name in ("digits", "augmented", "own"))
    digits.set_recipe(load_recipe("digits"))
    augmented.set_recipe(load_recipe("digits", {"augmentation.automatic": "trivialaugment"}))
    own.set_recipe(read_recipe({"name": "own", "command": ["train"]}))
    loads = "dsx.training.preload"
    assert modules_of([digits], LaunchOptions()) == (loads,)
    assert modules_of([digits, augmented, digits], LaunchOptions()) == (loads, "torchvision.transforms.v2")
    files = SimpleNamespace(recipe=load_recipe("folder", {"data.root": str(tmp_path)}))
    assert modules_of([files], LaunchOptions()) == (loads, "torchvision.transforms.v2")
    assert modules_of([own, digits], LaunchOptions()) == (own.recipe.trainer.partition(":")[0], loads)
    assert modules_of([digits], LaunchOptions(trainer="standins:behave")) == ("standins",)
    for name in modules_of([own, augmented], LaunchOptions()):
        assert find_spec(name) is not None, name

import os
import random
from pathlib import Path

import pandas as pd
import pytest

from dsx.base.errors import StudyError
from dsx.base.files import write_json
from dsx.launch.worker import WorkSettings, work
from dsx.recipes.recipe import read_recipe
from dsx.results.columns import parameter_columns
from dsx.study import results
from dsx.study.claims import claim
from dsx.study.status import describe, status
from dsx.study.study import Study, open_study

from standins import expected_error, make_study, train


@pytest.fixture
def study(tmp_path):
    """done, diverged, failed, running, pending, pending (released)."""
    from standins import behave

    study = make_study(tmp_path / "a", n=6)
    behave(study, r1="diverge", r2="raise")
    ids = [run.run_id for run in study.runs()]
    work(study.path, ids[:3], WorkSettings(trainer=train))
    claim(study.paths.run(ids[3]))
    claim(study.paths.run(ids[5])).release()
    return study


STATES = ["done", "diverged", "failed", "running", "pending", "pending"]


def test_states_are_told_from_files_alone(study):
    assert list(study.states().values()) == STATES
    assert study.counts() == {"pending": 2, "running": 1, "done": 1, "diverged": 1, "failed": 1}
    assert list(open_study(study.path).states().values()) == STATES


def test_results_have_one_row_per_run_whatever_its_state(study):
    table = study.results()
    assert list(table["state"]) == STATES
    assert list(table.columns[:15]) == [
        *("model_id", "space", "state", "error", "best_error", "epochs", "flops", "params", "acts", "seconds"),
        *("images_per_second", "peak_memory_bytes", "seed", "recipe", "failure"),
    ]
    first = study.runs()[0]
    assert table["error"][0] == expected_error(first.model_id, first.seed)
    assert table["error"][1] == 90.0
    assert table["error"][2:].isna().all()
    assert table["failure"][2] == "error: ValueError: the loss went for a walk"
    assert table["failure"].isna().sum() == 5
    assert list(table["flops"]) == list(study.population.flops)
    assert list(table["width_2"]) == list(study.population.settings["width_2"])
    assert set(table["recipe"]) == {study.recipe.label}


def test_the_kept_table_gives_the_same_as_the_records(study):
    fresh = study.results()
    assert study.paths.results.exists()
    pd.testing.assert_frame_equal(study.results(), fresh)
    study.paths.results.unlink()
    pd.testing.assert_frame_equal(study.results(), fresh)
    study.paths.results.write_bytes(b"PAR1 torn")
    pd.testing.assert_frame_equal(study.results(), fresh)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state": "done"}', b'{"state": "odd", "error": 1}'])
def test_a_torn_or_foreign_result_is_reported_and_never_fatal(study, content):
    study.results()
    path = study.paths.run(study.runs()[0].run_id).result
    path.write_bytes(content)
    assert study.counts()["done"] == 0
    assert any(str(path) in line for line in describe(status(study)))
    assert len(study.results()) == 6
    study.curves()


def test_the_result_of_another_model_is_foreign(study):
    ids = [run.run_id for run in study.runs()]
    os.replace(study.paths.run(ids[0]).result, study.paths.run(ids[5]).result)
    found = study.scan()
    assert found.states[ids[5]] == "pending"
    assert "is the result of another model" in found.problems[0]


def test_a_result_wins_over_everything(study):
    ids = [run.run_id for run in study.runs()]
    content = study.paths.run(ids[0]).result.read_bytes().replace(ids[0].encode(), ids[2].encode())
    study.paths.run(ids[2]).result.write_bytes(content)
    assert study.states()[ids[2]] == "done"


def test_a_torn_failure_record_is_reported_and_the_run_pending(study):
    run_id = study.runs()[2].run_id
    study.paths.run(run_id).failure.write_bytes(b'{"class": "err')
    found = study.scan()
    assert found.states[run_id] == "pending"
    assert len(found.problems) == 1


def test_curves_have_a_row_per_epoch(study):
    curves = study.curves()
    assert len(curves) == 8
    assert list(curves["epoch"][:4]) == [1, 2, 3, 4]
    table = study.results().set_index("run_id")
    last = curves.groupby("run_id")["error"].last()
    assert (table.loc[last.index, "error"] == last).all()


def test_status_survives_any_file_being_garbage(study):
    rng = random.Random(0)
    files = [path for path in study.paths.models.rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(rng.randbytes(rng.randrange(60)))
    found = status(study)
    assert found.total == 6
    assert len(study.results()) == 6


def test_a_result_that_comes_while_results_are_read_is_seen(study, monkeypatch):
    """Its claim is gone by the time that claims are looked at; the run must not look untouched."""
    run = study.runs()[3]
    read = results.read_finished

    def slowly(*arguments):
        found = read(*arguments)
        monkeypatch.setattr(results, "read_finished", read)
        study.paths.run(run.run_id).claim(1).unlink()
        write_json(study.paths.run(run.run_id).result, {"model_id": run.model_id, "state": "done", "error": 7.5})
        return found

    monkeypatch.setattr(results, "read_finished", slowly)
    found = study.scan()
    assert found.states[run.run_id] == "done"
    assert found.finished[run.run_id].error == 7.5
    assert sum(found.counts().values()) == 6


def own_study(folder: Path, **recipe: object) -> Study:
    study = make_study(folder, n=2, recipe=False)
    study.set_recipe(read_recipe({"name": "r", "command": ["sh"], **recipe}))
    return study


def test_every_metric_of_a_training_of_ones_own_has_a_column_that_is_no_parameter(tmp_path: Path) -> None:
    metrics = {"quality": {"better": "higher"}, "map": {"unit": "%", "better": "higher"}}
    study = own_study(tmp_path / "a", metrics=metrics, metric="map")
    run = study.runs()[0]
    record = {"model_id": run.model_id, "state": "done", "error": 60.0, "metrics": {"map": 40.0, "quality": 3.5}}
    write_json(study.paths.run(run.run_id).result, record)
    for _ in range(2):  # read from the record, then from what was kept
        table = open_study(study.path).results()
        assert table["map"].tolist()[0] == 40.0
        assert table["quality"].tolist()[0] == 3.5
        assert table["error"].tolist()[0] == 60.0
        assert table[["map", "quality"]].isna().all(axis=1).tolist() == [False, True]
        assert not {"map", "quality"} & set(parameter_columns(table))


def test_a_metric_that_is_called_like_another_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as raised:
        own_study(tmp_path / "a", metrics={"seconds": {"better": "lower"}})
    assert str(raised.value) == "recipe r: metric 'seconds': the results have another column of that name"
    with pytest.raises(StudyError) as raised:
        own_study(tmp_path / "a", metrics={"depth_1": {"better": "lower"}})
    assert str(raised.value) == "recipe r: metric 'depth_1': the results have another column of that name"

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dsx
from dsx.base.errors import DsxError, StudyError
from dsx.base.files import write_json
from dsx.recipes.recipe import load_recipe
from dsx.spaces.population import Population
from dsx.study.claims import claim
from dsx.study.manifest import PaperErrors
from dsx.study.study import Study, open_study

import standins
from standins import launch_here, make_study, population

REQUEST = {"n": 4, "resolution": 8, "flops": [0, 1e6]}


def create(path, n=4, seed=0, definition=None, **request):
    return Study.create(path, population(n), definition or {"name": "Small"}, {**REQUEST, "n": n, **request}, seed)


def start_one(study):
    claim(study.paths.run(study.runs()[0].run_id)).release()


def test_a_study_is_what_it_was_made_of(tmp_path):
    made = create(tmp_path / "a", seed=3)
    found = open_study(tmp_path / "a")
    assert (found.name, found.seed, found.request) == ("a", 3, REQUEST)
    assert found.definition == {"name": "Small"}
    assert found.space_hash == made.space_hash
    assert found.population.model_ids == population(4).model_ids
    assert found.recipe is None
    assert found._file.dsx == dsx.__version__


def test_the_same_request_returns_the_study_untouched(tmp_path):
    first = create(tmp_path / "a")
    first.set_recipe(load_recipe("digits"))
    start_one(first)
    before = (tmp_path / "a" / "study.yaml").stat().st_mtime_ns, (tmp_path / "a" / "population.parquet").stat().st_ino
    again = create(tmp_path / "a")
    after = (tmp_path / "a" / "study.yaml").stat().st_mtime_ns, (tmp_path / "a" / "population.parquet").stat().st_ino
    assert after == before
    assert again.recipe == first.recipe


def test_another_request_replaces_a_study_that_has_not_started(tmp_path):
    create(tmp_path / "a", n=4)
    assert len(create(tmp_path / "a", n=6).population) == 6
    assert len(open_study(tmp_path / "a").population) == 6


def test_another_request_is_refused_once_a_model_has_started(tmp_path):
    start_one(create(tmp_path / "a", n=4))
    with pytest.raises(StudyError) as caught:
        create(tmp_path / "a", n=6, seed=1)
    assert str(caught.value) == (
        f"{tmp_path}/a: holds a study of another request whose models have started (n: 4 → 6; seed: 0 → 1);"
        " choose another folder with --out, or delete this one"
    )
    with pytest.raises(StudyError, match=r"space\.name: Small → Other"):
        create(tmp_path / "a", n=4, definition={"name": "Other"})
    assert len(open_study(tmp_path / "a").population) == 4


def test_a_recipe_that_changes_results_is_refused_once_a_model_has_started(tmp_path):
    study = make_study(tmp_path / "a")
    study.set_recipe(load_recipe("digits", {"lr": 0.2}))
    assert open_study(tmp_path / "a").recipe.lr == 0.2
    start_one(study)
    study.set_recipe(load_recipe("digits", {"lr": 0.2}))
    with pytest.raises(StudyError, match=r"models have started with another recipe \(lr: 0\.2 → 0\.3\)"):
        study.set_recipe(load_recipe("digits", {"lr": 0.3}))
    study.set_recipe(load_recipe("digits", {"lr": 0.2, "time_limit_min": 5}))
    assert open_study(tmp_path / "a").recipe.time_limit_min == 5


def test_replicates_may_grow_but_not_shrink(tmp_path):
    study = make_study(tmp_path / "a", n=4)
    start_one(study)
    study.set_recipe(study.recipe, replicates=2)
    assert len(open_study(tmp_path / "a").runs()) == 8
    with pytest.raises(StudyError, match="replicates: 2 → 1"):
        study.set_recipe(study.recipe, replicates=1)


def test_a_recipe_whose_data_the_networks_do_not_fit_is_refused(tmp_path):
    study = create(tmp_path / "a")
    with pytest.raises(DsxError, match="in_channels"):
        study.set_recipe(
            load_recipe("digits").with_overrides(
                {"data.dataset": "cifar10", "data.mean": [0.5] * 3, "data.std": [0.5] * 3}
            )
        )


def test_every_kind_of_folder_that_is_no_study_is_one_line(tmp_path):
    with pytest.raises(StudyError, match="no such folder"):
        open_study(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="not a study folder"):
        open_study(tmp_path)
    study = create(tmp_path / "a")
    yaml_file = tmp_path / "a" / "study.yaml"
    whole = yaml_file.read_bytes()
    for content in (b"", whole[: len(whole) // 3], b"a: [1", b"name: x\n", b"\xff\xfe\x00"):
        yaml_file.write_bytes(content)
        with pytest.raises(StudyError) as caught:
            open_study(tmp_path / "a")
        assert "\n" not in str(caught.value)
        assert str(yaml_file) in str(caught.value)
    yaml_file.write_bytes(whole)
    assert open_study(tmp_path / "a").seed == study.seed


def test_a_population_cut_in_half_or_of_another_study_is_refused(tmp_path):
    create(tmp_path / "a")
    create(tmp_path / "b", n=3)
    path = tmp_path / "a" / "population.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudyError, match="not a readable Parquet file"):
        open_study(tmp_path / "a").runs()
    shutil.copy(tmp_path / "b" / "population.parquet", path)
    with pytest.raises(StudyError, match=r"not the population that study\.yaml describes"):
        open_study(tmp_path / "a").runs()


def test_creation_killed_half_way_can_be_repeated(tmp_path):
    create(tmp_path / "a")
    os.unlink(tmp_path / "a" / "study.yaml")
    assert len(create(tmp_path / "a", n=6).runs()) == 6


def test_runs_depend_on_the_studys_seed(tmp_path):
    seeds = [run.seed for s in (0, 1) for run in create(tmp_path / str(s), seed=s).runs()]
    assert len(set(seeds)) == 8


def test_numpy_values_in_a_request_are_stored_as_numbers(tmp_path):
    request = {"n": int(np.int64(4)), "flops": (0.0, 1e6)}
    Study.create(tmp_path / "a", population(4), {"name": "S"}, request, 0)
    assert open_study(tmp_path / "a").request == {"n": 4, "flops": [0.0, 1e6]}
    assert Study.create(tmp_path / "a", population(4), {"name": "S"}, request, 0).path == tmp_path / "a"


@pytest.mark.slow
def test_studies_load_without_torch(tmp_path):
    make_study(tmp_path / "a")
    code = (
        "import sys, dsx; s = dsx.open_study(sys.argv[1]); s.results(); s.recipe\n"
        "from dsx.study.status import status; status(s)\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True)


def test_a_foreign_file_among_the_models_changes_nothing(tmp_path):
    study = make_study(tmp_path / "a")
    study.paths.models.mkdir()
    (study.paths.models / "README").write_text("mine")
    write_json(study.paths.models / "zz" / "stranger" / "result.json", {"state": "done", "error": 1})
    assert study.counts()["pending"] == 6


def test_corrected_prose_is_no_other_request(tmp_path):
    first = create(tmp_path / "a", definition={"name": "Small", "description": "a tipo"})
    start_one(first)
    again = create(tmp_path / "a", definition={"name": "Small", "description": "a typo", "source": "new"})
    assert again.definition == first.definition
    assert again.space_hash == first.space_hash


def contents(folder):
    """File below a folder → its bytes and when it was written."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_started_study_grows_and_what_was_trained_is_not_touched(tmp_path):
    study = create(tmp_path / "a", n=4)
    study.set_recipe(load_recipe("digits", {"lr": 0.2}), replicates=2)
    launch_here(study, run_ids=frozenset(run.run_id for run in study.runs()[:2]), workers=1)
    start_one_more = claim(study.paths.run(study.runs()[2].run_id))
    before, rows = contents(study.paths.models), study.results()
    grown = create(tmp_path / "a", n=6)
    assert contents(study.paths.models) == before
    assert start_one_more.is_held()
    again = open_study(tmp_path / "a")
    for there in (grown, again):
        assert there.population.table.equals(population(6).table)
        assert (there.request["n"], there.recipe.lr, there.replicates) == (6, 0.2, 2)
        assert [(size.n, size.models, size.dsx) for size in there.history] == [(4, 4, dsx.__version__)]
        kept = there.results().set_index("run_id").loc[rows["run_id"]].reset_index()[rows.columns]
        assert kept.equals(rows)
        assert there.counts() == {"pending": 9, "running": 1, "done": 2, "diverged": 0, "failed": 0}
    assert [size.n for size in create(tmp_path / "a", n=8).history] == [4, 6]
    assert list(study.paths.turn.iterdir()) == []
    create(tmp_path / "b", n=4)
    create(tmp_path / "b", n=4)
    assert not (tmp_path / "b" / "jobs").exists()  # nothing was to be changed


def test_a_papers_numbers_are_kept_with_a_study_and_are_no_part_of_it(tmp_path):
    study = create(tmp_path / "a")
    start_one(study)
    assert "paper" not in (tmp_path / "a" / "study.yaml").read_text()
    study.set_paper(PaperErrors(source="figure 5", min_error=39.0, mean_error=49.2))
    assert open_study(tmp_path / "a").paper == PaperErrors(source="figure 5", min_error=39.0, mean_error=49.2)
    assert create(tmp_path / "a").paper == study.paper  # the same request is the same study


def test_a_study_that_has_grown_is_the_one_that_was_larger_from_the_start(tmp_path):
    create(tmp_path / "a", n=4)
    create(tmp_path / "a", n=6)
    create(tmp_path / "b", n=6)
    tables = [open_study(tmp_path / name).population.table for name in "ab"]
    assert tables[0].equals(tables[1])
    assert [run.seed for run in open_study(tmp_path / "a").runs()] == [
        run.seed for run in open_study(tmp_path / "b").runs()
    ]


def test_a_study_does_not_shrink_once_a_model_has_started(tmp_path):
    start_one(create(tmp_path / "a", n=6))
    with pytest.raises(StudyError, match=r"whose models have started \(n: 6 → 4\); choose another folder"):
        create(tmp_path / "a", n=4)
    assert len(open_study(tmp_path / "a").population) == 6


def test_a_study_whose_first_models_would_be_others_does_not_grow(tmp_path):
    start_one(create(tmp_path / "a", n=4))
    others = population(7)
    moved = others.first(7)
    moved = dataclasses.replace(moved, contents=others.contents[1:] + others.contents[:1])
    with pytest.raises(StudyError) as caught:
        Study.create(tmp_path / "a", moved, {"name": "Small"}, {**REQUEST, "n": 7}, 0)
    made_by = open_study(tmp_path / "a").made_by
    assert str(caught.value) == (
        f"{tmp_path}/a: cannot grow: its 4 models, drawn by {made_by}, are not the first of those that dsx"
        f" {dsx.__version__} draws; choose another folder with --out"
    )
    assert len(open_study(tmp_path / "a").population) == 4


KILLED = (
    "import os, signal, sys\n"
    "sys.path.insert(0, sys.argv[1])\n"
    "from standins import population\n"
    "from dsx.study import study\n"
    "study.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    "study.Study.create(sys.argv[2], population(6), {'name': 'Small'}, {'n': 6, 'resolution': 8}, 0)\n"
)


@pytest.mark.slow
def test_growth_killed_between_its_two_files_leaves_the_old_study_and_can_be_repeated(tmp_path):
    study = make_study(tmp_path / "a", n=4)
    launch_here(study, limit=1, workers=1)
    place = str(Path(standins.__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, place, str(tmp_path / "a")])
    assert done.returncode == -signal.SIGKILL
    assert len(Population.read(study.paths.population)) == 6
    old = open_study(tmp_path / "a")
    assert old.population.table.equals(population(4).table)
    assert (old.request["n"], old.history, old.counts()["done"]) == (4, (), 1)
    grown = make_study(tmp_path / "a", n=6, recipe=False)
    assert grown.population.table.equals(population(6).table)
    assert (grown.recipe, grown.counts()["done"]) == (old.recipe, 1)


def test_neither_growth_nor_a_recipe_is_lost_to_a_command_that_looked_earlier(tmp_path):
    early = create(tmp_path / "a", n=4)
    create(tmp_path / "a", n=6)
    early.set_recipe(load_recipe("digits"))
    now = open_study(tmp_path / "a")
    assert (len(now.population), now.recipe.name) == (6, "digits")
    assert len(early.population) == 6


def test_a_study_draws_on_from_its_own_definition(tmp_path):
    space = dsx.load_space("AnyNetXE-digits")
    request = {"n": 3, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    study = Study.create(tmp_path / "a", dsx.sample(space, n=3, seed=5), space.to_dict(), request, 5)
    start_one(study)
    assert study.grow(2) is study
    grown = study.grow(7)
    assert grown.population.table.equals(dsx.sample(space, n=7, seed=5).table)
    assert grown.request == {**request, "n": 7}
    create(tmp_path / "b")
    with pytest.raises(StudyError) as caught:
        open_study(tmp_path / "b").grow(5)
    assert str(caught.value) == f"{tmp_path}/b: was not sampled from a space, so it cannot grow"

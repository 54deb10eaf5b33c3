import os
import shutil

import numpy as np
import pytest

import dsx
from dsx.base.errors import DsxError, StudyError
from dsx.base.files import write_json
from dsx.recipes.recipe import load_recipe
from dsx.study.claims import claim
from dsx.study.study import Study, open_study

from standins import make_study, population

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
    create(tmp_path / "b", n=6)
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


def test_studies_load_without_torch(tmp_path):
    import subprocess
    import sys

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

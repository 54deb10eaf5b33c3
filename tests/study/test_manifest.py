from dsx.study.manifest import FormerSize, StudyFile, difference, grown, read_manifest, write_manifest
from dsx.study.paths import StudyPaths

FILE = StudyFile(name="a", dsx="0.1.0", space={"name": "S"}, space_hash="0", request={"n": 4}, seed=0, population="1")


def test_a_file_is_read_as_it_was_written_and_has_a_history_only_if_the_study_grew(tmp_path):
    paths = StudyPaths(tmp_path)
    write_manifest(paths, FILE)
    assert read_manifest(paths, tmp_path) == FILE
    assert "history" not in paths.definition.read_text()
    after = FILE.model_copy(update={"history": (FormerSize(n=4, models=3, dsx="0.1.0"),)})
    write_manifest(paths, after)
    assert read_manifest(paths, tmp_path) == after


def test_a_study_that_grew_says_what_it_was_before():
    larger = FILE.model_copy(update={"request": {"n": 6}, "population": "2", "dsx": "0.2.0", "seed": 7})
    twice = grown(grown(FILE, larger, 3), larger.model_copy(update={"request": {"n": 9}}), 6)
    assert (twice.request, twice.population, twice.dsx, twice.seed) == ({"n": 9}, "2", "0.2.0", 0)
    assert [(size.n, size.models, size.dsx) for size in twice.history] == [(4, 3, "0.1.0"), (6, 6, "0.2.0")]


def test_what_differs_is_one_line_without_what_may_differ():
    more = FILE.model_copy(update={"request": {"n": 6}, "population": "2"})
    assert difference(FILE, FILE) == ""
    assert difference(FILE, more) == "n: 4 → 6"
    assert difference(FILE, more, but=("request.n", "population")) == ""
    other = more.model_copy(update={"seed": 1, "dsx": "0.2.0"})
    assert difference(FILE, other, but=("request.n", "population")) == "seed: 0 → 1"

"""Where everything of a study lies: a layout that studies on disk rely on."""

import ast
from pathlib import Path

import pytest

import dsx
from dsx.study.paths import RunPaths, StudyPaths, study_folders


def test_a_study_has_its_files_at_the_top_of_its_folder():
    paths = StudyPaths(Path("runs/a"))
    assert {
        name: str(getattr(paths, name))
        for name in ("definition", "population", "models", "jobs", "results", "timings", "analysis")
    } == {
        "definition": "runs/a/study.yaml",
        "population": "runs/a/population.parquet",
        "models": "runs/a/models",
        "jobs": "runs/a/jobs",
        "results": "runs/a/results.parquet",
        "timings": "runs/a/timings.parquet",
        "analysis": "runs/a/analysis",
    }


def test_a_run_has_a_folder_below_the_first_two_characters_of_its_id():
    assert StudyPaths(Path("runs/a")).run("abcdef-1").folder == Path("runs/a/models/ab/abcdef-1")


def test_a_run_has_its_records_in_its_folder():
    run = RunPaths(Path("x"))
    names = [run.result, run.checkpoint, run.previous, run.failure, run.claim(1), run.claim(12)]
    assert [path.name for path in names] == [
        "result.json", "checkpoint.pt", "checkpoint.previous.pt", "failure.json", "claim.1.json", "claim.12.json",
    ]  # fmt: skip
    assert {path.parent for path in names} == {Path("x")}


def test_results_of_many_runs_are_the_paths_of_each(tmp_path):
    paths = StudyPaths(tmp_path)
    ids = ["abcdef", "abcdef-1", "01"]
    assert paths.results_of(ids) == [str(paths.run(run_id).result) for run_id in ids]


def test_studies_of_a_folder_come_by_name_and_nothing_else_does(tmp_path):
    for name in ("b", "a", "a-1"):
        (tmp_path / name).mkdir()
        StudyPaths(tmp_path / name).definition.touch()
    (tmp_path / "none").mkdir()
    assert [path.name for path in study_folders(tmp_path)] == ["a", "a-1", "b"]
    assert study_folders(tmp_path / "nowhere") == []


@pytest.mark.slow
def test_no_other_module_spells_a_name_of_these_files():
    at = [*vars(StudyPaths(Path("x"))).values(), *vars(RunPaths(Path("x"))).values()]
    names = {path.name for path in at if path.suffix}
    spelt = []
    for path in Path(dsx.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and Path(node.value).name in names:
                spelt.append(f"{path.name}:{node.lineno}: {node.value}")
    assert {line.partition(":")[0] for line in spelt} == {"paths.py"}, spelt

"""Reference results: written whole, read back the same, and refused when a file is not what the manifest says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import reference_results

import dsx
from dsx.base.errors import DsxError
from dsx.results.reference import from_studies, load_reference, main
from dsx.study.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reference_results.make_up(tmp_path / "experiments" / "reference", n=12)
    return tmp_path / "experiments" / "reference"


def test_what_is_written_is_read_back(folder: Path) -> None:
    reference = load_reference(folder)
    assert tuple(reference.tables) == reference_results.SPACES
    assert all(len(table) == 12 for table in reference.tables.values())
    assert set(reference.curves["RegNetX-digits"]["epoch"]) == set(range(1, 9))
    depths = [len(widths) for widths in reference.block_widths("RegNetX-digits")]
    assert depths == reference.tables["RegNetX-digits"]["depth"].tolist()


def test_the_current_folder_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    assert dsx.load_reference().manifest["note"] == "made up for tests"


def test_a_file_that_was_changed_is_refused(folder: Path) -> None:
    path = folder / "AnyNetXC-digits.parquet"
    pd.read_parquet(path).assign(error=0.0).to_parquet(path)
    with pytest.raises(DsxError, match="is not the file of the manifest"):
        load_reference(folder)
    path.unlink()
    with pytest.raises(DsxError, match="missing; restore the folder"):
        load_reference(folder)


def test_without_reference_results_the_error_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(DsxError, match=r"no reference results .* `make reference` makes them"):
        load_reference(tmp_path)


def test_shipped_results_are_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reference = load_reference()
    assert tuple(reference.tables) == reference_results.SPACES
    assert all(table["model_id"].nunique() >= 60 for table in reference.tables.values())
    assert {"recipe", "hardware", "libraries", "seeds", "git_commit"} <= set(reference.manifest)


def study(folder: Path) -> Study:
    space = dsx.load_space("RegNetX-digits")
    request = {"n": 3, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    return Study.create(folder, dsx.sample(space, n=3, seed=0), space.to_dict(), request, 0)


def test_studies_that_are_not_finished_are_refused(tmp_path: Path) -> None:
    study(tmp_path / "runs" / "RegNetX-digits")
    with pytest.raises(DsxError, match=r"3 pending: `dsx launch .*` first"):
        main([str(tmp_path / "runs"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_finished_studies_become_tables_with_networks_and_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study(tmp_path / "RegNetX-digits")
    results = made.results().assign(state="done", error=[3.0, 4.0, 5.0], seconds=60.0)
    curves = pd.DataFrame({"run_id": results["run_id"], "model_id": results["model_id"], "epoch": 1, "error": 3.0})
    monkeypatch.setattr(Study, "counts", lambda self: dict.fromkeys(("pending", "running", "done"), 0))
    monkeypatch.setattr(Study, "results", lambda self: results)
    monkeypatch.setattr(Study, "curves", lambda self: curves)
    told = from_studies([made], tmp_path / "out")
    assert told.startswith(f"wrote {tmp_path / 'out'}: 1 table, 3 runs")
    reference = load_reference(tmp_path / "out")
    widths = reference.block_widths("RegNetX-digits")
    assert widths == [made.population[i].architecture.block_widths for i in range(3)]
    assert reference.manifest["device_hours"] == 0.05
    assert reference.manifest["hardware"]["cores"] >= 1
    assert "torch" in reference.manifest["libraries"]

"""Reference results: written whole, read back the same, and refused when a file is not what the manifest says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import reference_results

import dsx
from dsx.base.errors import DsxError
from dsx.results.reference import load_reference


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


@pytest.mark.slow
def test_the_current_folder_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    assert dsx.load_reference().manifest["note"] == "made up for tests"


@pytest.mark.slow
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

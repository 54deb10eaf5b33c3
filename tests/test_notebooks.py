"""Every notebook runs from top to bottom, over the reference results."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
NOTEBOOKS = [*sorted((ROOT / "analysis").glob("*.ipynb")), *TUTORIALS]


def test_there_is_one_notebook_per_question() -> None:
    assert {path.stem for path in NOTEBOOKS} == {
        "comparing_spaces", "complexity_and_speed", "how_many_models", "linear_structure", "normalised_comparison",
        "parameter_ranges", "break_the_rules", "design_an_mlp",
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebooks run: an empty folder, so that they show the shipped reference results."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(path: Path, folder: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2 - (path.stem == "how_many_models")
    texts = " ".join(output.get("text", "") for output in outputs if output.output_type == "stream")
    assert "models" in texts
    assert "Warning" not in texts


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_and_calls_dsx_alone(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    imported = re.findall(r"^(?:from|import) (\w+)", "\n".join(cell.source for cell in code), re.MULTILINE)
    # a tutorial writes a user's file, which needs what it needs
    assert set(imported) <= {"dsx", "itertools", "pandas"} | (
        {"numpy", "sklearn", "torch"} if path in TUTORIALS else set()
    )

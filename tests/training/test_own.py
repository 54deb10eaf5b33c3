"""A training of the user's own, by a program or a function."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsx.networks.published import published
from dsx.recipes.own import OwnRecipe
from dsx.training.function import Training
from dsx.training.own import train
from dsx.training.report import ReportError

NETWORK = published("RegNetX-200MF")


def note(training: Training) -> dict[str, float]:
    """Adds a line to `runs` beside the run's folder."""
    with (training.folder.parent.parent / "runs").open("a") as lines:
        lines.write("x\n")
    return {"error": 4.0}


def place(training: Training) -> dict[str, float]:
    """Tells its folder by the environment."""
    os.environ["DSX_TEST_PLACE"] = str(training.folder)
    (training.folder / "state").write_text("kept")
    return {"error": 4.0}


def recipe(**changes: object) -> OwnRecipe:
    return OwnRecipe.from_dict({"name": "m", "resolution": 32, **changes})


PROGRAM = {"command": ["sh", "-c", 'echo x >> "{folder}/../../runs"; echo "{{\\"error\\": 4}}"']}


@pytest.mark.parametrize("what", [PROGRAM, {"function": f"{__name__}:note"}], ids=["program", "function"])
def test_it_is_not_trained_again_once_there_is_a_result(tmp_path: Path, what: dict[str, object]) -> None:
    assert [train(NETWORK, recipe(**what), 0, tmp_path / "run").error for _ in range(2)] == [4.0, 4.0]
    assert (tmp_path / "runs").read_text() == "x\n"


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSX_TEST_PLACE", "")
    assert train(NETWORK, recipe(function=f"{__name__}:place")).error == 4.0
    assert os.environ["DSX_TEST_PLACE"] != ""
    assert not Path(os.environ["DSX_TEST_PLACE"]).exists()


def test_a_failure_leaves_no_result_so_that_it_is_trained_again(tmp_path: Path) -> None:
    silent = recipe(command=["true"])
    for _ in range(2):
        with pytest.raises(ReportError):
            train(NETWORK, silent, 0, tmp_path / "run")
    assert not (tmp_path / "run" / "result.json").exists()

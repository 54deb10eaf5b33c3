"""Training by a function of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsx.base.errors import DsxError
from dsx.networks.published import published
from dsx.recipes.own import OwnRecipe
from dsx.training.faults import Interrupted, TimeLimitExceeded
from dsx.training.function import Training
from dsx.training.own import train
from dsx.training.report import ReportError

NETWORK = published("RegNetX-200MF")
seen: list[Training] = []


def three_epochs(training: Training) -> dict[str, float]:
    seen.append(training)
    state = training.folder / "epoch"
    for epoch in range(int(state.read_text()) if state.exists() else 0, 3):
        state.write_text(str(epoch + 1))
        training.report(map=np.float32(10 * epoch))
    return {"map": np.float64(30.0)}


def nothing(training: Training) -> None:
    """Returns no metrics."""


def of(function: str, **changes: object) -> OwnRecipe:
    metrics = {"map": {"unit": "%", "better": "higher"}}
    named = function if ":" in function else f"{__name__}:{function}"
    content = {"name": "m", "function": named, "metrics": metrics, "resolution": 32, **changes}
    return OwnRecipe.from_dict(content)


def test_a_function_gets_objects_and_reports_its_epochs(tmp_path: Path) -> None:
    result = train(NETWORK, of("three_epochs", settings={"lr": 1}), 7, tmp_path, "cpu", threads=2)
    assert (result.error, result.best_error, result.epochs) == (70.0, 70.0, 3)
    assert [(entry["epoch"], entry["map"]) for entry in result.curve] == [(1, 0.0), (2, 10.0), (3, 20.0)]
    given = seen[-1]
    assert (given.architecture, given.settings, given.seed, given.resolution) == (NETWORK, {"lr": 1}, 7, 32)
    assert (given.folder, given.device, given.threads) == (tmp_path / "own", "cpu", 2)


def test_a_stop_is_heard_at_the_next_report_and_the_function_goes_on_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(NETWORK, of("three_epochs"), 7, tmp_path, should_stop=lambda: True)
    result = train(NETWORK, of("three_epochs"), 7, tmp_path)
    assert [entry["map"] for entry in result.curve] == [10.0, 20.0]


def test_a_function_that_is_out_of_time_is_ended_at_its_next_report(tmp_path: Path) -> None:
    with pytest.raises(TimeLimitExceeded):
        train(NETWORK, of("three_epochs", time_limit_min=0), 7, tmp_path)


def test_nothing_returned_is_an_interruption_only_where_one_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(NETWORK, of("nothing"), 0, tmp_path, should_stop=lambda: True)
    with pytest.raises(ReportError) as raised:
        train(NETWORK, of("nothing"), 0, tmp_path)
    assert str(raised.value) == f"{__name__}:nothing: returned None: expected a mapping of names to numbers"


def test_a_function_that_cannot_be_had_is_one_line() -> None:
    with pytest.raises(DsxError) as raised:
        train(NETWORK, of("no_such_module:run"))
    assert str(raised.value) == (
        "recipe m: function no_such_module:run: cannot be imported (ModuleNotFoundError: No module named"
        " 'no_such_module'); name its folder in `code`"
    )
    with pytest.raises(DsxError) as raised:
        train(NETWORK, of("seen"))
    assert str(raised.value) == f"recipe m: function {__name__}:seen: is no function"


def test_a_function_and_its_helpers_come_from_its_own_folder_whatever_was_loaded_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(("here", "a", "b")):
        place = tmp_path / folder if folder != "here" else tmp_path
        place.mkdir(exist_ok=True)
        (place / "dsx_test_forest.py").write_text(
            "import dsx_test_trees\ndef run(training): return {'error': dsx_test_trees.ERROR}\n"
        )
        (place / "dsx_test_trees.py").write_text(f"ERROR = {number}\n")
    monkeypatch.syspath_prepend(tmp_path)
    errors = []
    for folder in ("a", "b", "a"):
        recipe = of(
            "dsx_test_forest:run", metrics={"error": {"unit": "%", "better": "lower"}}, code=str(tmp_path / folder)
        )
        errors.append(train(NETWORK, recipe, 0, tmp_path / f"run{len(errors)}").error)
    assert errors == [1.0, 2.0, 1.0]

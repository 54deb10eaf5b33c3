"""From what a training of the user's own reports to a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsx.base.errors import StudyError
from dsx.networks.published import published
from dsx.recipes.own import OwnRecipe
from dsx.training.report import OwnTraining, ReportError

METRICS = {"map": {"unit": "%", "better": "higher", "chance": 5}, "loss": {"better": "lower"}}


def training(folder: Path, seed: int = 3, **changes: Any) -> OwnTraining:
    content = {"name": "m", "command": ["sh"], "metrics": METRICS, "resolution": 224, **changes}
    own = OwnTraining(published("RegNetX-200MF"), OwnRecipe.from_dict(content), seed, folder, "cpu", 1)
    own.begin()
    return own


def test_metrics_become_an_error_of_which_less_is_better_and_stay_as_they_are(tmp_path: Path) -> None:
    curve = [{"map": 10.0}, {"map": 44.0, "epoch": 5}, {"loss": 2.0}]
    report = {"metrics": {"map": 40, "loss": 1.5}, "curve": curve, "images_per_second": 7.5, "note": "warm"}
    result = training(tmp_path).finish(report, "here")
    assert (result.state, result.error, result.best_error, result.epochs) == ("done", 60.0, 56.0, 3)
    assert result.metrics == {"map": 40.0, "loss": 1.5}
    assert [entry["epoch"] for entry in result.curve] == [1, 5, 3]
    assert [entry.get("error") for entry in result.curve] == [90.0, 56.0, None]
    assert (result.seed, result.recipe, result.images_per_second, result.note) == (3, "m v1", 7.5, "warm")
    assert json.loads((tmp_path / "result.json").read_text())["error"] == 60.0


def test_the_result_is_there_when_it_begins_again_and_another_trainings_is_refused(tmp_path: Path) -> None:
    first = training(tmp_path).finish({"map": 40, "loss": 1.5}, "here")
    again = OwnTraining(published("RegNetX-200MF"), training(tmp_path).recipe, 3, tmp_path, "cpu", 1)
    assert again.begin() == first or again.begin().error == first.error  # NaN differs from itself
    with pytest.raises(StudyError, match=r"belongs to another training \(seed: 3 → 4\)"):
        training(tmp_path, seed=4)


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"map": 40}, "here: no metric 'loss' among map."),
        ({"metrics": {"mAP": 40, "loss": 1}}, "here: no metric 'map' among mAP, loss. Did you mean mAP?"),
        ({"metrics": [40]}, "here: metrics = [40]: expected a mapping of names to numbers"),
        ({"map": True, "loss": 1}, "here: map = True: expected a number"),
        ({"map": 101, "loss": 1}, "here: map = 101: expected percent, 0 to 100"),
        ({"map": 4, "loss": 1, "peak_memory_bytes": "310 MB"}, "here: peak_memory_bytes = '310 MB': expected a number"),
        ({"map": 4, "loss": 1, "epochs": float("nan")}, "here: epochs = nan: expected a number"),
        ({"map": 4, "loss": 1, "images_per_second": "fast"}, "here: images_per_second = 'fast': expected a number"),
        ({"map": 4, "loss": 1, "curve": [3]}, "here: curve: expected a list with a mapping for every epoch"),
        (
            {"map": 4, "loss": float("nan")},
            "here: diverged (loss is not finite), and metrics.loss of the recipe says no chance value to count",
        ),
    ],
)
def test_a_report_that_says_too_little_is_one_line(tmp_path: Path, report: dict[str, Any], message: str) -> None:
    with pytest.raises(ReportError) as raised:
        training(tmp_path).finish(report, "here")
    assert str(raised.value) == message
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize("report", [{"map": float("nan")}, {"map": None}, {"state": "diverged"}])
def test_a_model_that_diverged_counts_with_the_chance_value(tmp_path: Path, report: dict[str, Any]) -> None:
    result = training(tmp_path, metrics={"map": METRICS["map"]}).finish(report, "here")
    assert (result.state, result.error, result.best_error, result.metrics) == ("diverged", 95.0, 95.0, {"map": 5.0})


def test_time_counts_over_all_sessions(tmp_path: Path) -> None:
    first = training(tmp_path, time_limit_min=60)
    first.began -= 1000
    first.pause()
    assert not first.is_late()
    second = training(tmp_path, time_limit_min=60)
    assert second.elapsed >= 1000
    assert not second.is_late()
    second.began -= 3000
    assert second.is_late()
    assert second.finish({"map": 1, "loss": 1}, "here").seconds >= 4000

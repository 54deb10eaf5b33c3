from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dsx.results import columns
from dsx.results.columns import BY_NAME, complexity_of, is_parameter, listed, measured, of_stage, stages


@pytest.mark.parametrize(
    "name", ["acc", "val_acc", "top1_acc", "valAcc", "acc@1", "mAP", "AP50", "f1_macro", "auc", "images_per_second"]
)
def test_more_is_better_of_an_accuracy_whatever_it_is_called(name):
    assert measured(name) == "higher"
    assert not is_parameter(name)


@pytest.mark.parametrize(
    "name",
    ["error", "loss", "val_loss", "top5_err", "latency_ms", "latency_p50", "runtime", "train_time_h", "memory_mb"],
)
def test_less_is_better_of_a_loss_or_a_time(name):
    assert measured(name) == "lower"
    assert not is_parameter(name)


@pytest.mark.parametrize("name", ["loss_weight", "time_embedding", "map_size", "depth_1", "w0", "lr", "total_depth"])
def test_a_name_that_only_contains_a_measure_is_a_parameter(name):
    assert measured(name) is None
    assert is_parameter(name)


@pytest.mark.parametrize(
    ("name", "complexity"),
    [("gflops", "flops"), ("madds", "flops"), ("num_params", "params"), ("MACs", "flops"), ("flops_weight", None)],
)
def test_a_complexity_of_another_name_is_known_by_it(name, complexity):
    assert complexity_of(name) == complexity
    assert is_parameter(name) == (complexity is None)


def test_a_top_accuracy_or_error_is_an_outcome_of_unknown_direction():
    assert measured("top1") == ""
    assert not is_parameter("top1")


def test_every_column_has_one_entry_and_outcomes_have_a_direction():
    assert len(BY_NAME) == len(columns.COLUMNS)
    assert all(column.better for column in columns.COLUMNS if column.role in ("outcome", "complexity"))
    assert columns.COMPLEXITIES == columns.names_of("complexity") == ("flops", "params", "acts")
    assert {"error", "best_error", "seconds"} < columns.PER_RUN


def test_the_columns_of_a_study_are_in_the_table_and_the_others_are_its_parameters():
    import dsx

    table = dsx.load_reference().tables["AnyNetXA-digits"]
    unknown = [name for name in table.columns if name not in BY_NAME and name != "stages"]
    assert {of_stage(name)[0] for name in unknown} <= {"depth", "width", "bottleneck_ratio", "group_width"}
    assert set(unknown) < set(columns.parameter_columns(table))
    assert not {"flops", "error", "seconds", "seed", "replicate"} & set(columns.parameter_columns(table))


def test_parameters_hold_numbers():
    table = pd.DataFrame({"error": [1.0], "depth": [2], "kind": ["x"], "nothing": [float("nan")], "yes": [True]})
    assert columns.parameter_columns(table) == ["depth"]


def test_stages_are_those_that_have_every_column():
    names = ["depth_1", "depth_2", "width_1", "width_2", "width_3", "depth_10", "width_10", "depth"]
    assert stages(names, "depth", "width") == [1, 2, 10]
    assert of_stage("group_width_3") == ("group_width", 3)
    assert of_stage("depth") is None
    assert listed(["depth_1", "depth_2", "lr", "width_1"]) == "depth_1 … depth_2, lr, width_1"


def test_the_columns_that_can_be_named_are_those_that_the_guide_lists():
    guide = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")
    *first, last = columns.ELSEWHERE
    assert f"Columns that can be named are {', '.join(first)} and {last}." in " ".join(guide.split())

from __future__ import annotations

import json

import numpy as np
import pytest

from dsx.analysis import analyze, read_csv, read_nds, read_pycls, read_results
from dsx.base.errors import DsxError

RESNEXT = {
    "net": {
        "block_type": "res_bottleneck_block", "ds": [1, 16, 1, 4], "ws": [16, 64, 128, 16], "ss": [1, 1, 2, 2],
        "bot_muls": [0.0, 0.25, 0.25, 0.25], "num_gs": [1, 2, 1, 2],
    },
    "optim": {"base_lr": 0.1, "wd": 5e-4, "max_ep": 3}, "rng_seed": 1, "params": 594138, "flops": 184519578,
    "min_test_top1": 7.5, "test_ep_top1": [40.0, 7.5, 8.0], "train_ep_loss": [2.0, 1.0, 0.5],
}  # fmt: skip
NAS = RESNEXT | {"net": {"genotype": {"normal": [["sep_conv_3x3", 0]]}, "width": 16, "depth": 12, "aux": False}}
PYCLS = {
    "cfg": {
        "MODEL": {"TYPE": "regnet"}, "REGNET": {"WA": 19.5, "W0": 96, "WM": 2.942, "DEPTH": 12},
        "OPTIM": {"BASE_LR": 1.0, "MAX_EPOCH": 2}, "RNG_SEED": 1, "OUT_DIR": "out",
    },
    "complexity": {"flops": 125_000_000, "params": 1_500_000, "acts": 900_000},
    "train_epoch": {"loss": [2.0, 1.0], "time_epoch": [30.0, 31.0]},
    "test_epoch": {"top1_err": [12.0, 10.0], "min_top1_err": [12.0, 9.5]},
    "test_ema_epoch": {"top1_err": [11.0, 9.2], "min_top1_err": [11.0, 9.0]}, "err": "",
}  # fmt: skip


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_nds_file_becomes_a_results_table(tmp_path):
    table = read_nds(write(tmp_path / "ResNeXt-A.json", [RESNEXT]))["ResNeXt-A"]
    row = table.iloc[0]
    assert (row["state"], row["error"], row["best_error"], row["epochs"]) == ("done", 8.0, 7.5, 3)
    assert [row[f"depth_{i}"] for i in (1, 2, 3)] == [16, 1, 4]
    assert [row[f"width_{i}"] for i in (1, 2, 3)] == [64, 128, 16]
    assert [row[f"bottleneck_ratio_{i}"] for i in (1, 2, 3)] == [4, 4, 4]
    assert [row[f"groups_{i}"] for i in (1, 2, 3)] == [2, 1, 2]
    assert (row["block"], row["lr"], row["weight_decay"], row["flops"]) == ("x", 0.1, 5e-4, 184519578)
    assert read_nds(tmp_path / "ResNeXt-A.json", "lowest")["ResNeXt-A"].loc[0, "error"] == 7.5


def test_nds_reruns_nas_spaces_and_diverged_jobs_are_read(tmp_path):
    tables = read_nds(write(tmp_path / "ResNet_reruns.json", {"top": [RESNEXT], "mid": [RESNEXT, RESNEXT]}))
    assert {name: len(t) for name, t in tables.items()} == {"ResNet_reruns-top": 1, "ResNet_reruns-mid": 2}
    nas = read_nds(write(tmp_path / "DARTS_in.json", [NAS]))["DARTS_in"].iloc[0]
    assert (nas["width"], nas["depth"]) == (16, 12)
    text = json.dumps([RESNEXT | {"train_ep_loss": [2.0, float("nan")]}, RESNEXT | {"test_ep_top1": []}])
    odd = read_nds(write(tmp_path / "Vanilla.json", text))["Vanilla"]
    assert odd["state"].tolist() == ["diverged", "pending"]
    assert odd.loc[0, "error"] == 90


def test_pycls_sweep_becomes_a_results_table(tmp_path):
    other = json.loads(json.dumps(PYCLS))
    other["cfg"]["REGNET"]["WA"] = 30.0
    waiting = {k: v for k, v in PYCLS.items() if k not in ("test_epoch", "test_ema_epoch")}
    failed = waiting | {"err": "Traceback …\nRuntimeError: CUDA out of memory"}
    table = read_pycls(write(tmp_path / "sweep.json", [PYCLS, other, waiting, failed]), num_classes=10)[tmp_path.name]
    assert table["state"].tolist() == ["done", "done", "pending", "failed"]
    assert table["wa"].tolist() == [19.5, 30.0, 19.5, 19.5]
    assert "depth" not in table.columns
    assert table.loc[0, ["error", "best_error", "flops", "seconds"]].tolist() == [10.0, 9.5, 125_000_000, 61.0]
    assert table.loc[3, "failure"] == "RuntimeError: CUDA out of memory"
    assert table["model_id"].nunique() == 2
    assert read_pycls(tmp_path / "sweep.json", "ema")[tmp_path.name].loc[0, "error"] == 9.0


def test_models_trained_in_part_are_pending_and_never_mixed_with_finished_ones(tmp_path):
    part = PYCLS | {"test_epoch": {"epoch_ind": [1], "epoch_max": [2], "top1_err": [12.0], "min_top1_err": [12.0]}}
    whole = PYCLS | {"test_epoch": PYCLS["test_epoch"] | {"epoch_ind": [1, 2], "epoch_max": [2, 2]}}
    table = read_pycls(write(tmp_path / "sweep.json", [part, whole, part | {"err": "Killed"}]))[tmp_path.name]
    assert table["state"].tolist() == ["pending", "done", "failed"]
    jobs = [RESNEXT | {"test_ep_top1": [40.0]}, RESNEXT]
    assert read_nds(write(tmp_path / "a.json", jobs))["a"]["state"].tolist() == ["pending", "done"]


def test_chance_error_of_a_pycls_job_is_of_its_own_number_of_classes(tmp_path):
    lost = PYCLS | {"train_epoch": {"loss": [2.0, float("nan")]}}
    known = lost | {"cfg": PYCLS["cfg"] | {"MODEL": {"TYPE": "regnet", "NUM_CLASSES": 5}}}
    table = read_pycls(write(tmp_path / "sweep.json", [lost, known]))[tmp_path.name]
    assert table["state"].tolist() == ["diverged", "diverged"]
    assert table["error"].tolist() == pytest.approx([99.9, 80.0])


def test_one_network_trained_with_two_learning_rates_is_two_models(tmp_path):
    slow = RESNEXT | {"optim": RESNEXT["optim"] | {"base_lr": 0.01}}
    again = RESNEXT | {"rng_seed": 2}
    table = read_nds(write(tmp_path / "a.json", [RESNEXT, slow, again]))["a"]
    assert table["model_id"].tolist()[0] == table["model_id"].tolist()[2] != table["model_id"].tolist()[1]
    fast = PYCLS | {"cfg": PYCLS["cfg"] | {"OPTIM": {"BASE_LR": 2.0, "MAX_EPOCH": 2}}}
    sweep = read_pycls(write(tmp_path / "sweep.json", [PYCLS, fast]))[tmp_path.name]
    assert sweep["model_id"].nunique() == 2
    assert sweep["base_lr"].tolist() == [1.0, 2.0]


def test_formats_are_told_by_content(tmp_path):
    contents = {"a.txt": json.dumps([RESNEXT]), "b.csv": json.dumps([PYCLS]), "c.json": "error\n3\n"}
    found = {name: read_results(write(tmp_path / name, content)) for name, content in contents.items()}
    assert [one.format for one in found.values()] == ["NDS data file", "pycls sweep.json", "CSV table"]
    table = found["c.json"].tables["c"]
    table.assign(record_inode=1).to_parquet(tmp_path / "results.parquet")
    again = read_results(tmp_path / "results.parquet")
    assert again.format == "Parquet table"
    assert again.tables[tmp_path.name].equals(table)


def test_columns_of_other_names_are_taken_for_the_results_own(tmp_path):
    path = write(tmp_path / "mine.csv", "error,top1,madds\n0.1,3.5,100\n0.2,4.5,200\n")
    found = read_results(path, columns={"error": "top1", "flops": "madds", "params": "weights"})
    table = found.tables["mine"]
    assert table[["error", "flops", "other_error"]].to_numpy().tolist() == [[3.5, 100, 0.1], [4.5, 200, 0.2]]
    assert found.used == {"error", "flops"}


def test_lists_in_a_pycls_config_become_numbered_columns(tmp_path):
    jobs = [PYCLS | {"cfg": {"ANYNET": {"WIDTHS": widths}}} for widths in ([24, 56], [32, 64])]
    table = read_pycls(write(tmp_path / "any.json", jobs))["any"]
    assert table[["width_1", "width_2"]].to_numpy().tolist() == [[24, 56], [32, 64]]


def test_imported_tables_pass_through_the_whole_analysis(tmp_path):
    rng = np.random.default_rng(0)
    jobs = [
        json.loads(json.dumps(RESNEXT)) | {"test_ep_top1": [40.0, 20.0, float(e)], "flops": int(f), "rng_seed": i}
        for i, (e, f) in enumerate(zip(rng.normal(8, 1, 30), rng.uniform(1e8, 2e8, 30), strict=True))
    ]
    for i, job in enumerate(jobs):
        job["net"]["ds"][1] = i + 1
    tables = read_nds(write(tmp_path / "ResNeXt-B.json", jobs))
    assert analyze(tables)["summary"].loc[0, "n"] == 30


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_nds, "[{", "x.json: not readable as JSON: "),
        (read_nds, [{"flops": 1}], "x.json: job 0: no 'net': not a job of this format"),
        (read_nds, {"top": 3}, "x.json: x-top: expected a list of jobs, as in NDS data files"),
        (read_pycls, {"a": 1}, "x.json: expected a list of jobs, as in a pycls sweep.json"),
        (read_pycls, [PYCLS | {"complexity": 1}], "x.json: job 0: no 'complexity': not a job of this format"),
        (read_nds, [RESNEXT | {"test_ep_top1": ["7 %"]}], "x.json: job 0: error = '7 %': expected a number in percent"),
        (read_csv, "a,b\n1,2\n", "x.json: no column 'error' of errors."),
    ],
)
def test_files_of_another_kind_are_one_clear_line(read, content, message, tmp_path):
    path = write(tmp_path / "x.json", content)
    with pytest.raises(DsxError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_misspelt_metric_are_one_clear_line(tmp_path):
    for read in (read_nds, read_pycls, read_csv):
        with pytest.raises(DsxError, match="no such file"):
            read(tmp_path / "none")
    with pytest.raises(DsxError, match=r"metric = 'lst': expected one of last, lowest\. Did you mean last\?"):
        read_nds(write(tmp_path / "a.json", [RESNEXT]), "lst")

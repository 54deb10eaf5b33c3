"""Curves, times, memory and stages in other people's records."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import dsx
from dsx.results.histories import nds_curve, pycls_costs, pycls_curve, pycls_stages
from dsx.results.structure import stages_of

JOB = {
    "train_epoch": {
        "loss": [2.0, 1.0, 0.5], "top1_err": [60.0, 40.0, 30.0], "lr": [0.1, 0.05, 0.0], "mem": [900, 1024, 1000],
        "time_epoch": [30.0, None, 31.0],
    },
    "test_epoch": {"epoch_ind": [1, 3], "top1_err": [50.0, 35.0], "min_top1_err": [50.0, 35.0]},
    "test_ema_epoch": {"epoch_ind": [1, 3], "top1_err": [70.0, 33.0]},
    "epoch_times": {"train_fw_bw_time": 20.0}, "iter_times": {"train_fw_bw_time": 0.25, "test_fw_time": 0.05},
}  # fmt: skip
# RegNetX-400MF as pycls has it
X400 = {
    "MODEL": {"TYPE": "regnet"},
    "REGNET": {"DEPTH": 22, "W0": 24, "WA": 24.48, "WM": 2.54, "GROUP_W": 16, "BOT_MUL": 1.0},
}


def test_epochs_that_were_not_evaluated_are_gaps_in_a_pycls_curve() -> None:
    curve = pycls_curve(JOB)
    assert curve["train_error"].tolist() == [60, 40, 30]
    assert curve["error"].tolist() == pytest.approx([50, math.nan, 35], nan_ok=True)
    assert curve["ema_error"].tolist() == pytest.approx([70, math.nan, 33], nan_ok=True)
    assert curve["seconds"].tolist() == pytest.approx([30, math.nan, 31], nan_ok=True)
    assert curve["lr"].tolist() == [0.1, 0.05, 0.0]
    assert pycls_curve({"cfg": {}}) == {}


def test_epochs_that_make_no_sense_are_counted_from_one() -> None:
    job = copy.deepcopy(JOB)
    job["test_epoch"]["epoch_ind"] = [3, 1]
    assert pycls_curve(job)["error"].tolist() == pytest.approx([50, 35, math.nan], nan_ok=True)


def test_an_nds_curve_has_both_errors_and_the_loss() -> None:
    curve = nds_curve({"test_ep_top1": [40.0, 7.5], "train_ep_top1": [50.0, 6.0], "train_ep_loss": [2.0, 0.5]})
    assert {name: values.tolist() for name, values in curve.items()} == {
        "error": [40, 7.5], "train_error": [50, 6], "train_loss": [2, 0.5],
    }  # fmt: skip
    assert nds_curve({"test_ep_top1": []}) == {}


def test_times_and_memory_are_in_the_units_of_results() -> None:
    assert pycls_costs(JOB) == {
        "seconds": 61.0, "peak_memory_bytes": 2**30, "inference_ms": 50.0, "training_ms": 250.0,
    }  # fmt: skip
    untimed = {**JOB, "train_epoch": {"loss": [2.0, 1.0]}}
    assert pycls_costs(untimed)["seconds"] == 40
    assert np.isnan(pycls_costs({})["seconds"])
    assert list(pycls_costs({})) == ["seconds"]


def test_the_stages_of_a_regnet_are_those_of_the_network() -> None:
    assert pycls_stages(X400) == stages_of(dsx.published("RegNetX-400MF").to_dict())


def test_the_stages_of_an_anynet_are_its_lists_with_groups_adjusted() -> None:
    anynet = {"DEPTHS": [1, 2], "WIDTHS": [32, 50], "BOT_MULS": [1.0, 0.25], "GROUP_WS": [16, 8]}
    assert pycls_stages({"MODEL": {"TYPE": "anynet"}, "ANYNET": anynet}) == [[1, 32, 1, 16], [2, 64, 4, 8]]
    assert pycls_stages({"MODEL": {"TYPE": "anynet"}, "ANYNET": {**anynet, "GROUP_WS": [16]}}) is None
    assert pycls_stages({"MODEL": {"TYPE": "effnet"}}) is None
    assert pycls_stages({"MODEL": {"TYPE": "regnet"}, "REGNET": {"DEPTH": 3}}) is None

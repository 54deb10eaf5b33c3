"""Which GPU is used: by name, by CUDA_VISIBLE_DEVICES, several models on one, and several for one model."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from dsx.base.errors import DsxError
from dsx.launch.devices import Slot, gpus, slots
from dsx.networks.timing import TimingOptions, time_network
from dsx.study.study import open_study
from dsx.training.device import resolve_device
from dsx.training.preflight import preflight
from dsx.training.trainer import train

from command_line import Command
from gpu_data import digits, network

TRAIN_IN_GROUP = """
import json, sys
from gpu_data import curve, digits, network
from dsx.training.trainer import train
result = train(network(), digits(epochs=2), seed=3, folder=sys.argv[1], device="cuda")
print("RESULT", json.dumps([result.state, curve(result), result.effective_recipe["devices"]]))
"""


def test_the_gpus_of_this_machine_are_found() -> None:
    count = torch.cuda.device_count()
    assert len(gpus()) == count
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device(f"cuda:{count - 1}") == torch.device("cuda", count - 1)
    with pytest.raises(DsxError, match=rf"device 'cuda:{count}': this machine has cuda:0 to cuda:{count - 1}; use"):
        resolve_device(f"cuda:{count}")
    assert slots(models_per_gpu=3) == [Slot("cuda", 3, gpu) for gpu in gpus()]


def test_without_a_visible_gpu_there_is_none(dsx_process: Command) -> None:
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    done = dsx_process("time", "ResNet-56", "--device", "cuda", env=hidden)
    assert done.code == 2
    assert "device 'cuda' can't be used here" in done.err
    code = "from dsx.launch.devices import gpus; print(gpus())"
    shown = subprocess.run([sys.executable, "-c", code], env=os.environ | hidden, capture_output=True, text=True)
    assert shown.stdout == "[]\n"


@pytest.mark.parametrize("named", ["0", "uuid"])
def test_a_training_stays_on_the_gpu_that_it_may_see(named: str) -> None:
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    code = (
        "from gpu_data import digits, network\nfrom dsx.launch.devices import gpus\n"
        "from dsx.training.trainer import train\n"
        "result = train(network(), digits(epochs=1), device='cuda:0')\nprint('SEES', gpus(), result.state)"
    )
    visible = {"CUDA_VISIBLE_DEVICES": uuid if named == "uuid" else "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | visible, capture_output=True, text=True)
    assert f"SEES {[visible['CUDA_VISIBLE_DEVICES']]} done" in done.stdout, done.stderr[-2000:]


def test_several_models_share_a_gpu(dsx_process: Command, tmp_path: Path) -> None:
    assert dsx_process("sample", "--space", "RegNetX-digits", "--n", "6", "--out", "study").code == 0
    shared = ("recipe.epochs=6", "launcher.models_per_gpu=3")
    done = dsx_process("launch", "study", "--recipe", "digits", "--device", "cuda:0", *shared, timeout=120)
    assert done.code == 0, done.err[-2000:]
    study = open_study(tmp_path / "study")
    assert study.counts()["done"] == 6
    records = [json.loads(path.read_text()) for path in (tmp_path / "study").rglob("result.json")]
    assert {record["device"] for record in records} == {"cuda"}
    assert {record["environment"]["device_name"] for record in records} == {torch.cuda.get_device_name(0)}
    assert all(record["peak_memory_bytes"] > 0 for record in records)
    spans = sorted((record["ended"] - record["seconds"], record["ended"]) for record in records)
    assert any(later[0] < earlier[1] for earlier, later in pairwise(spans)), "one after another"


def test_as_many_models_share_a_gpu_as_are_measured_to_fill_it(dsx_process: Command, tmp_path: Path) -> None:
    assert dsx_process("sample", "--space", "RegNetX-digits", "--n", "4", "--out", "study").code == 0
    options = ("recipe.epochs=2", "launcher.models_per_gpu=auto")
    done = dsx_process("launch", "study", "--recipe", "digits", "--device", "cuda:0", *options, timeout=180)
    assert done.code == 0, done.err[-2000:]
    told = re.search(r"models_per_gpu: (\d+) \(share of the time in which one keeps the GPU busy: smallest", done.out)
    assert told is not None, done.out
    assert int(told[1]) >= 1
    assert open_study(tmp_path / "study").counts()["done"] == 4


def test_the_share_of_the_time_in_which_a_gpu_computes_is_measured() -> None:
    (row,) = preflight([network()], digits(), "cuda", steps=10).rows
    assert row.busy is not None
    assert 0 < row.busy < 1


def test_one_model_at_a_time_is_pinned_to_its_gpu(dsx_process: Command, tmp_path: Path) -> None:
    assert dsx_process("sample", "--space", "RegNetX-digits", "--n", "2", "--out", "study").code == 0
    done = dsx_process("launch", "study", "--recipe", "digits", "recipe.epochs=1", "--on", "debug", "--device", "cuda")
    assert done.code == 0, done.err[-2000:]
    assert open_study(tmp_path / "study").counts()["done"] == 2


def test_timing(dsx_process: Command) -> None:
    by_mode = {
        mode: time_network(network(), mode, TimingOptions(32, 64, "cuda", passes=10))
        for mode in ("inference", "training")
    }
    assert by_mode["training"].median_ms > by_mode["inference"].median_ms > 0
    for timing in by_mode.values():
        assert timing.device == torch.cuda.get_device_name(0)
        assert timing.low_ms <= timing.median_ms <= timing.high_ms
        assert timing.peak_memory_bytes is not None
        assert timing.peak_memory_bytes > 64 * 32 * 32 * 4
    done = dsx_process(
        "time", "RegNetX-200MF", "--device", "cuda", "--dtype", "bfloat16", "--resolution", "64", "--batch-size", "32"
    )
    assert done.code == 0, done.err[-2000:]
    assert "RegNetX-200MF" in done.out


def test_two_gpus_train_one_model_as_one_does(tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    launcher = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)} | path
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN_IN_GROUP, str(tmp_path)],
            env=os.environ | launcher | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [rank.communicate(timeout=120)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    found = [json.loads(text.partition("RESULT ")[2]) for text in outputs]
    assert found[0] == found[1]
    state, (first, *_), devices = found[0]
    assert (state, devices) == ("done", 2)
    alone = train(network(), digits(epochs=2), seed=3, device="cuda")
    # batch norm sees half a batch on each
    assert first["train_loss"] == pytest.approx(alone.curve[0]["train_loss"], rel=0.1)

"""What other people's records say of a training besides its outcome: curves, times, memory, and the stages' widths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dsx.networks.groups import adjust_groups
from dsx.networks.regnet import quantize_widths
from dsx.results.arrays import Floats
from dsx.results.structure import Stages

# measure → (epochs,) values, NaN where an epoch was not evaluated
Curve = dict[str, Floats]
_NDS = {"error": "test_ep_top1", "train_error": "train_ep_top1", "train_loss": "train_ep_loss"}
_PYCLS = {
    "error": ("test_epoch", "top1_err"), "ema_error": ("test_ema_epoch", "top1_err"),
    "train_error": ("train_epoch", "top1_err"), "train_loss": ("train_epoch", "loss"), "lr": ("train_epoch", "lr"),
    "seconds": ("train_epoch", "time_epoch"),
}  # fmt: skip
# pycls' own where a configuration does not say
_GROUP_WIDTH = 16


def nds_curve(job: Mapping[str, object]) -> Curve:
    """Errors and loss after each epoch, as far as the job of an NDS file has them."""
    return _aligned({measure: (None, job.get(key)) for measure, key in _NDS.items()})


def pycls_curve(job: Mapping[str, Any]) -> Curve:
    """Errors, loss, learning rate and seconds of each epoch of a job of a sweep.json; evaluated ones at `epoch_ind`."""
    parts = {measure: (job.get(part) or {}, key) for measure, (part, key) in _PYCLS.items()}
    return _aligned({measure: (part.get("epoch_ind"), part.get(key)) for measure, (part, key) in parts.items()})


def _aligned(parts: Mapping[str, tuple[Any, Any]]) -> Curve:
    """Measure → (epochs of the values, from 1, or None; the values) as columns of one length."""
    known = {measure: part for measure, part in parts.items() if isinstance(part[1], list) and part[1]}
    placed = {measure: _places(at, len(values)) for measure, (at, values) in known.items()}
    last = max((places[-1] for places in placed.values()), default=0)
    curve = {}
    for measure, (_, values) in known.items():
        curve[measure] = np.full(last, math.nan)
        numbers = [v if isinstance(v, (int, float)) else math.nan for v in values]
        curve[measure][np.array(placed[measure]) - 1] = numbers
    return curve


def _places(at: Any, count: int) -> list[int]:
    """Epochs of so many values: those given, if they are whole numbers that rise from 1 or above; else 1, 2, 3 …"""
    given = isinstance(at, list) and len(at) == count and all(isinstance(epoch, int) for epoch in at)
    rising = given and at[0] >= 1 and all(a < b for a, b in pairwise(at))
    return list(at) if rising else list(range(1, count + 1))


def pycls_costs(job: Mapping[str, Any]) -> dict[str, float]:
    """seconds of training, peak_memory_bytes, and ms of a pass, as far as they are known.

    pycls measures memory in MiB, a pass in seconds (`iter_times`), and an epoch without waiting for data
    (`epoch_times`), which counts where `time_epoch` is not given.
    """
    train, passes = job.get("train_epoch") or {}, job.get("iter_times") or {}
    epochs = len(train.get("loss") or train.get("top1_err") or [])
    spent = [t for t in train.get("time_epoch") or [] if t is not None]
    seconds = sum(spent) or epochs * _number((job.get("epoch_times") or {}).get("train_fw_bw_time")) or math.nan
    memory = [m for m in train.get("mem") or [] if isinstance(m, (int, float))]
    costs = {"seconds": seconds, "peak_memory_bytes": 2.0**20 * max(memory) if memory else math.nan}
    costs["inference_ms"] = 1000 * _number(passes.get("test_fw_time"))
    costs["training_ms"] = 1000 * _number(passes.get("train_fw_bw_time"))
    return {name: value for name, value in costs.items() if name == "seconds" or math.isfinite(value)}


def pycls_stages(config: Mapping[str, Any]) -> Stages | None:
    """The stages of a regnet's or an anynet's configuration, groups adjusted; None of other networks."""
    kind = str((config.get("MODEL") or {}).get("TYPE", "")).lower()
    try:
        if kind == "regnet":
            given = config["REGNET"]
            shapes = quantize_widths(float(given["W0"]), float(given["WA"]), float(given["WM"]), int(given["DEPTH"]))
            ratios = [1 / float(given.get("BOT_MUL", 1.0))] * len(shapes)
            groups = [int(given.get("GROUP_W", _GROUP_WIDTH))] * len(shapes)
            return _adjusted([s.depth for s in shapes], [s.width for s in shapes], ratios, groups)
        if kind == "anynet":
            given = config["ANYNET"]
            depths, widths = given["DEPTHS"], given["WIDTHS"]
            ratios = [1 / float(m) for m in given.get("BOT_MULS") or [1.0] * len(depths)]
            return _adjusted(depths, widths, ratios, given.get("GROUP_WS") or [_GROUP_WIDTH] * len(depths))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return None


def _adjusted(
    depths: Sequence[int], widths: Sequence[float], ratios: Sequence[float], groups: Sequence[int]
) -> Stages | None:
    if not len(depths) == len(widths) == len(ratios) == len(groups) > 0:
        return None
    fitting, group = adjust_groups(np.array(widths), np.array(ratios), np.array(groups))
    return [[float(v) for v in stage] for stage in zip(depths, fitting, ratios, group, strict=True)]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan

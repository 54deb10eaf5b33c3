"""What each column of a results table is called on an axis, with its unit: one table for all figures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from dsx.results.samples import Floats

# column → (words, unit); a unit that starts with × takes M or G by the size of the numbers
_COLUMNS = {
    "error": ("top-1 error", "%"),
    "best_error": ("lowest top-1 error over epochs", "%"),
    "error_top5": ("top-5 error", "%"),
    "train_error": ("training error", "%"),
    "loss": ("validation loss", ""),
    "train_loss": ("training loss", ""),
    "lr": ("learning rate", ""),
    "epoch": ("epoch", ""),
    "epochs": ("epochs", ""),
    "resolution": ("resolution", "pixels"),
    "flops": ("flops", "× multiply-adds"),
    "params": ("parameters", "×"),
    "acts": ("activations", "×"),
    "seconds": ("training time", "s"),
    "inference_ms": ("inference time", "ms"),
    "training_ms": ("training-step time", "ms"),
    "images_per_second": ("throughput", "images/s"),
    "peak_memory_bytes": ("peak memory", "× bytes"),
    "e_fit": ("e_fit: mean squared log₂ ratio of widths to their linear fit", ""),
    "w0": ("w0", "channels"),
    "wa": ("wa", "channels per block"),
    "wm": ("wm", ""),
    "depth": ("depth", "blocks"),
    "total_depth": ("total depth", "blocks"),
    "first_width": ("first width", "channels"),
    "last_width": ("last width", "channels"),
    "group_width": ("group width", "channels"),
    "bottleneck_ratio": ("bottleneck ratio", ""),
    "width": ("width", "channels"),
    "group": ("group width", "channels"),
}


def axis(name: str, values: Any) -> tuple[str, Floats]:
    """The label of a column's axis and its values in the label's unit: `flops (M multiply-adds)`, flops / 1e6."""
    array = np.asarray(values, dtype=np.float64)
    root = re.fullmatch(r"sqrt\((.+)\)", name)
    if root:
        label, scaled = axis(root[1], array**2)
        words, _, unit = label.partition(" (")
        return f"√{words} ({words} in {unit}" if unit else f"√{words}", np.sqrt(scaled)
    stage = re.fullmatch(r"(.+)_(\d+)", name)
    words, unit = _COLUMNS.get(stage[1] if stage else name, (name.replace("_", " ") if not stage else stage[1], ""))
    words = f"{words} of stage {stage[2]}" if stage else words
    if unit.startswith("×"):
        finite = np.abs(array[np.isfinite(array)])
        top = float(finite.max()) if finite.size else 0.0
        letter, scale = (
            ("G", 1e9) if top >= 1e9 else ("M", 1e6) if top >= 1e6 else ("k", 1e3) if top >= 1e3 else ("", 1)
        )
        unit, array = f"{letter}{unit[1:]}".strip(), array / scale
    return f"{words} ({unit})" if unit else words, array

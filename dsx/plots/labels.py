"""What each column of a results table is called on an axis, with its unit: from the one table of columns."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from dsx.results.arrays import Floats
from dsx.results.columns import BY_NAME, of_stage


def axis(name: str, values: npt.ArrayLike) -> tuple[str, Floats]:
    """The label of a column's axis and its values in the label's unit: `flops (M multiply-adds)`, flops / 1e6."""
    array = np.asarray(values, dtype=np.float64)
    root = re.fullmatch(r"sqrt\((.+)\)", name)
    if root:
        label, scaled = axis(root[1], array**2)
        text, _, unit = label.partition(" (")
        return f"√{text} ({text} in {unit}" if unit else f"√{text}", np.sqrt(scaled)
    stage = of_stage(name)
    known = BY_NAME.get(stage[0] if stage else name)
    text, unit = (known.label, known.unit) if known else (stage[0] if stage else name.replace("_", " "), "")
    text = f"{text} of stage {stage[1]}" if stage else text
    if unit.startswith("×"):
        finite = np.abs(array[np.isfinite(array)])
        top = float(finite.max()) if finite.size else 0.0
        letter, scale = (
            ("G", 1e9) if top >= 1e9 else ("M", 1e6) if top >= 1e6 else ("k", 1e3) if top >= 1e3 else ("", 1)
        )
        unit, array = f"{letter}{unit[1:]}".strip(), array / scale
    return f"{text} ({unit})" if unit else text, array

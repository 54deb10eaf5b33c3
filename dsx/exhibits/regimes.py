"""Whether studies are one space at several scales, so that their best ranges make a trend."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dsx.exhibits.studies import StudyFacts


def regime_of(facts: Sequence[StudyFacts]) -> tuple[str, dict[str, float]]:
    """What the studies differ in, if they are one space at several scales: resolution, flops or epochs, and its values.

    Flops count if the ranges of the studies do not overlap. Empty if they are of several spaces or differ in nothing.
    """
    models = {study.name: study.models for study in facts if len(study.models)}
    spaces = {str(s) for rows in models.values() for s in (rows["space"] if "space" in rows.columns else ("",))}
    if len(models) < 2 or len(spaces) != 1 or spaces == {""}:
        return "", {}
    size = {study.name: study.resolution for study in facts if study.name in models and study.resolution}
    if len(size) == len(models) == len(set(size.values())):
        return "resolution", {name: float(pixels) for name, pixels in size.items()}
    ends = sorted((rows["flops"].min(), rows["flops"].max()) for rows in models.values() if "flops" in rows.columns)
    if len(ends) == len(models) and all(a[1] < b[0] for a, b in pairwise(ends)):
        return "flops", {name: float(rows["flops"].median()) for name, rows in models.items()}
    epochs = {name: float(rows["epochs"].max()) for name, rows in models.items() if "epochs" in rows.columns}
    if len(epochs) == len(models) == len(set(epochs.values())) and np.isfinite(list(epochs.values())).all():
        return "epochs", epochs
    return "", {}

"""`dsx show`: a study's models, one of them, or a network by name or file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsx.base.errors import StudyError
from dsx.base.text import align
from dsx.base.units import format_number
from dsx.commands.target import chosen_size, find_model, own_resolution
from dsx.networks.describe import describe_network
from dsx.networks.lookup import find_network
from dsx.recipes.metric import ERROR
from dsx.results.columns import COMPLEXITIES
from dsx.spaces.definition import Space
from dsx.spaces.derivation import describe_derivation
from dsx.study.study import Study, open_study


def show(target: str, model: str | None, resolution: int | None, per_layer: bool) -> str:
    """A study's models, one of them, or a network by name or file, in words."""
    if not Path(target).is_dir():
        if model is not None:
            raise StudyError(f"{target}: no such study folder, to show its model {model}")
        network = find_network(target)
        return f"{target}\n{describe_network(network, chosen_size(resolution, own_resolution(network)), per_layer)}"
    study = open_study(target)
    if model is None:
        return models_table(study)
    shown = find_model(study, model)
    setting = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in shown.setting.items()
    )
    text = describe_network(shown.architecture, chosen_size(resolution, study.population.resolution), per_layer)
    derivation = ""
    if "family" in study.definition:  # a study of one network has no space
        derivation = describe_derivation(Space.from_dict(study.definition), shown)
    return "\n".join(filter(None, [f"{shown.model_id} of {study.path}\n  {setting}", derivation, text]))


def models_table(study: Study) -> str:
    """Every model with its state and error, or what else it is compared by; the best first."""
    table = study.results().sort_values("error", na_position="last", kind="stable")
    metric = study.recipe.measures[0] if study.recipe else ERROR
    rows = [["model", "state", f"{metric.words}{metric.unit_after}", "epochs", *COMPLEXITIES]]
    for row in table.to_dict("records"):
        error = "–" if np.isnan(row["error"]) else f"{metric.from_error(row['error']):.2f}"
        epochs = "–" if np.isnan(row["epochs"] or np.nan) else f"{row['epochs']:.0f}"
        costs = [format_number(row[name]) for name in COMPLEXITIES]
        rows.append([row["model_id"], row["state"], error, epochs, *costs])
    return f"{study.path}\n{align(rows, left=2)}"

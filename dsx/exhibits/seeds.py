"""What several seeds of each model show: how much of the spread is noise, what more seeds would buy (NDS Fig. 13, 14).

Computed of every study in which at least two models count and one of them was trained twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from dsx.analysis.edf import Edf, edf
from dsx.analysis.number_words import number
from dsx.analysis.replicates import (
    Shrunken,
    Variances,
    mean_over_seeds,
    models_confused,
    replicates_in_words,
    seeds_or_models,
    shrunken_errors,
    variances,
)
from dsx.analysis.tables import edf_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Picture, Section
from dsx.exhibits.paths import folders
from dsx.plots.edf import draw_edf
from dsx.results.arrays import Table, frame
from dsx.results.states import FINISHED

if TYPE_CHECKING:
    import pandas as pd

# EDFs of the mean over 1, 2 … so many seeds
_CURVES = 3


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        if "model_id" not in study.table.columns:
            continue
        runs = study.table[study.table["state"].isin(FINISHED) & study.table["error"].notna()]
        seeds = runs.groupby("model_id", sort=False).size()
        if len(seeds) < 2 or seeds.max() < 2 or runs["error"].nunique() < 2:
            continue
        asked = (runs["error"], runs["model_id"], study.validation_images, inquiry.level)
        parts, models = variances(*asked), shrunken_errors(*asked)
        curves = _curves(runs, seeds, inquiry.level)
        tables = {"": edf_rows(curves), "_variances": _of(parts, models), "_models": _models(models)}
        tables["_budget"] = _budget(parts)
        values = {"curves": curves, "parts": parts, "models": models, "notes": _notes(seeds)}
        yield Computed(f"{folder}seeds", tables, study, inquiry.level, values)


def _curves(runs: Table, seeds: pd.Series[int], level: float) -> dict[str, Edf]:
    """EDFs of the mean over 1, 2, 3 seeds, all of the same models: those that have as many seeds as the last takes."""
    most = min(_CURVES, int(seeds.max()))
    kept = runs[runs["model_id"].isin(seeds.index[seeds >= most])]
    return {
        "1 seed" if count == 1 else f"mean over {count} seeds": edf(
            mean_over_seeds(kept["error"], kept["model_id"], count), level=level
        )
        for count in range(1, most + 1)
    }


def _notes(seeds: pd.Series[int]) -> list[str]:
    most = min(_CURVES, int(seeds.max()))
    return [f"{int((seeds >= most).sum())} of {len(seeds)} models have {most} seeds or more; the curves are of these"]


def _of(parts: Variances, models: Shrunken) -> Table:
    best = {"best": models.model[models.best], "best_observed": models.observed[models.best]}
    best |= {"best_expected": models.expected[models.best], "luck": models.luck}
    row = asdict(parts) | best
    return frame([tuple(row.values())], list(row))


def _models(models: Shrunken) -> Table:
    columns = ["model", "seeds", "observed", "expected", "low", "high"]
    return frame(list(zip(*(getattr(models, name) for name in columns), strict=True)), ["model_id", *columns[1:]])


def _budget(parts: Variances) -> Table:
    """Of as many trainings as there are: standard error of the space's mean, and chance to confuse two models."""
    rows = [
        (count, parts.trainings // count, float(np.sqrt(variance)), models_confused(parts, count))
        for count, variance in seeds_or_models(parts, parts.trainings).items()
    ]
    return frame(rows, ["seeds", "models", "standard_error_of_mean", "wrong_order"])


def told(computed: Computed) -> list[str]:
    """One line on a study's seeds."""
    words = replicates_in_words(computed.values["parts"], computed.values["models"], computed.metric)
    return [f"{computed.study_name}: {words}"]


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """Per study: both variances, the share of noise with the binomial part, and the best model's luck; then advice."""
    headers = [
        "study",
        "variance between models",
        "between seeds",
        "of that binomial",
        "noise share %",
        "luck of the best",
    ]
    metric, rows = inquiry.metric, []
    unit = metric.unit_of_differences
    moves = "rise" if metric.better == "lower" else "fall"
    for computed in shown:
        row = computed.tables["_variances"].iloc[0]
        share, low, high = (100 * row[f"noise_share{end}"] for end in ("", "_low", "_high"))
        cells = [number(row[name], 2) for name in ("between", "seeds", "binomial")]
        spread = f"{number(share, 0)} ({number(low, 0)}–{number(high, 0)})"
        rows.append([computed.study_name, *cells, spread, f"{number(row['luck'], 2)} {unit}"])
    if not rows:
        return Section()
    intro = (
        f"Models that were trained with several seeds tell how much of the spread of {metric.plural} is noise."
        f" Variances are in {unit}²; the binomial part is what a finite validation set adds. The luck of the best: by"
        f" so much its {metric.words} is expected to {moves} when it is trained anew."
    )
    sentences = tuple(line for computed in shown for line in told(computed))
    return Section(
        "Seeds and noise", intro, grid=Grid("variance between models and seeds", headers, rows), sentences=sentences
    )


def caption(computed: Computed) -> Picture:
    name = computed.study_name
    title = f"{name}: {computed.metric.words} distribution functions of the mean over seeds"
    return Picture("", title, name, kind="half")


EXHIBIT = Exhibit(
    "seeds",
    compute,
    draw=lambda shown, ax: draw_edf(shown.values["curves"], shown.values["notes"], ax, metric=shown.metric),
    told=told,
    section=section,
    caption=caption,
    chapter="errors",
    place=14,
    compares=False,
)

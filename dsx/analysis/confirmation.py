"""What was luck in the best models of a population: the same models trained again with seeds of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsx.analysis.number_words import number
from dsx.analysis.quantiles import interpolated_median_interval
from dsx.analysis.replicates import (
    Agreement,
    Variances,
    models_confused,
    noise_in_words,
    rank_agreement_interval,
    variances,
)
from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, Table, check_level, column, frame
from dsx.results.states import FINISHED, finished


@dataclass(frozen=True, eq=False)
class Confirmation:
    """Winners before and anew. table: a row per model, the best before first.

    Columns: model_id; before, the error by which it was chosen; anew, the mean of `seeds` fresh trainings, with low and
    high from the spread between seeds (NaN with one seed each; less sure where trainings diverge now and then, as a few
    seeds do not show it); change, anew − before; rank, among those trained anew.
    change, low, high: the median of the changes with its interval, from order statistics (NaN below 6 models at 95 %),
    which no single training that diverged can stretch: luck, where nothing else was changed.
    parts: variance between these models and between seeds; None with one seed each. agreement: of the orders before and
    anew, among these models alone; None of fewer than 3. same_recipe: whether only the seeds are others.
    """

    table: Table
    change: float
    low: float
    high: float
    parts: Variances | None
    agreement: Agreement | None
    same_recipe: bool
    level: float


def confirm(
    before: Table,
    anew: Table,
    same_recipe: bool = True,
    validation_images: int | None = None,
    level: float = 0.95,
    metric: Metric = ERROR,
) -> Confirmation:
    """Compare models as they were chosen with the same models trained again.

    before: results table that the models were chosen from. anew: results table of the fresh trainings, several a model.
    A model without a finished training in one of them is left out. validation_images: for the binomial part of
    the noise. metric: that the errors are of, beyond whose range no interval goes. Raises DsxError if no model is left.
    """
    check_level(level)
    chosen, fresh = finished(before), finished(anew)
    runs = anew[anew["state"].isin(FINISHED) & anew["error"].notna()]
    both = fresh[["model_id", "error"]].merge(chosen[["model_id", "error"]], on="model_id", suffixes=("_anew", ""))
    if both.empty:
        raise DsxError("confirm: no model is finished both before and anew")
    both = both.sort_values("error", kind="stable", ignore_index=True)
    known = runs[runs["model_id"].isin(both["model_id"])]
    seeds = np.asarray(known.groupby("model_id").size()[both["model_id"]], dtype=np.int64)
    parts = None
    if len(both) > 1 and seeds.max() > 1:
        parts = variances(column(known, "error"), known["model_id"], validation_images, level)
    old, new = column(both, "error"), column(both, "error_anew")
    reach = _reach(parts, seeds, level)
    low, high = np.clip((new - reach, new + reach), *metric.error_range)
    ranks = new.argsort(kind="stable").argsort() + 1
    table = frame(
        [*zip(both["model_id"], old, new, low, high, new - old, seeds, ranks, strict=True)],
        ["model_id", "before", "anew", "low", "high", "change", "seeds", "rank"],
    )
    agreement = rank_agreement_interval(old, new, level) if len(both) > 2 and np.ptp(old) and np.ptp(new) else None
    ends = interpolated_median_interval(new - old, level)
    return Confirmation(table, float(np.median(new - old)), *ends, parts, agreement, same_recipe, level)


def _reach(parts: Variances | None, seeds: npt.NDArray[np.int64], level: float) -> Floats:
    """Half the interval of a model's mean over its seeds, from the spread between seeds of all models together."""
    if parts is None:
        return np.full(seeds.size, math.nan)
    return float(students_reach(parts.trainings - parts.models, level)) * np.sqrt(parts.seeds / seeds)


def confirmation_in_words(confirmation: Confirmation, metric: Metric = ERROR) -> list[str]:
    """Sentences: the best one before and anew, all of them, how much is luck of the seed, and whether orders agree."""
    best, count = confirmation.table.iloc[0], plural(len(confirmation.table), "model")
    shown = _two(metric.from_error(best["before"]))
    value, low, high = map(_two, metric.interval(best["anew"], best["low"], best["high"]))
    interval = "" if math.isnan(best["low"]) else f" ({low}–{high})"
    seeds, unit = plural(int(best["seeds"]), "fresh seed"), metric.unit_after
    before, anew = (_two(metric.from_error(confirmation.table[when].median())) for when in ("before", "anew"))
    lines = [
        f"The best model showed {shown}{unit}; trained anew with {seeds} {value}{unit}{interval}.",
        f"Of {count} the median is {before}{unit} before and {anew}{unit} anew, {_change(confirmation, metric)}.",
    ]
    if confirmation.parts is not None:
        lines.append(_noise(confirmation.parts))
    if confirmation.agreement is not None:
        lines.append(_order(confirmation.agreement, confirmation.same_recipe))
    return lines


def _change(confirmation: Confirmation, metric: Metric) -> str:
    """The median of the changes, and what it is due to."""
    ends = metric.difference(confirmation.change, confirmation.low, confirmation.high)
    change, low, high = map(_two, ends)
    text = f"that of the changes {change} {metric.unit_of_differences}"
    told = not math.isnan(confirmation.low)
    text += f" ({100 * confirmation.level:g} % interval {low} to {high})" if told else ""
    if not confirmation.same_recipe:
        return f"{text} by schedule and luck together"
    if not told:
        return f"{text}; it takes {math.ceil(1 - math.log2(1 - confirmation.level))} models to tell luck by it"
    if confirmation.low > 0:
        return f"{text}: by so much they were lucky when they were chosen"
    if confirmation.high < 0:
        return f"{text}, which shows no luck in the choice"
    return f"{text}, which leaves open whether there was luck in the choice"


def _noise(parts: Variances) -> str:
    share, finite = noise_in_words(parts)
    return (
        f"Among them {share} of the variance of single trainings is luck of the seed{finite}; one training puts two of"
        f" them in the wrong order with probability {models_confused(parts, 1):.2f}."
    )


def _order(agreement: Agreement, same_recipe: bool) -> str:
    interval = "" if math.isnan(agreement.low) else f" ({_two(agreement.low)} to {_two(agreement.high)})"
    orders = "The orders before and anew" if same_recipe else "The orders by both recipes"
    return (
        f"{orders} agree in {100 * agreement.agree:.0f} % of pairs, Kendall's τ {_two(agreement.tau)}{interval}, among"
        " these models alone: over a whole population it is as a rule higher."
    )


def _two(value: float) -> str:
    return number(value, 2)

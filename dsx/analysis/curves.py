"""Training curves that stand for a population: those of its best, median and worst model."""

from __future__ import annotations

import numpy as np

from dsx.base.errors import DsxError
from dsx.results.arrays import Table, column


def representative_curves(curves: Table, by: str = "error", each: int = 1) -> Table:
    """The curves of the best, the median and the worst runs by their last epoch's `by`.

    each: how many of the best, and of the worst, fewer where there are not so many.

    curves: one row per run and epoch, columns model_id (and run_id, where models have several runs),
    epoch, and measures such as error (percent), loss, train_loss. Runs whose last value is not finite
    rank worst. Returns the rows of these runs in epoch order, the best run first, with a first column `role`: best,
    median, worst (of an even number the lower median); one run is `best` only, of two there is no median.
    Raises DsxError if there is no curve or no such column.
    """
    if "epoch" not in curves.columns or "model_id" not in curves.columns:
        raise DsxError("curves: no columns model_id and epoch: expected one row per model and epoch")
    column(curves, by)
    if curves.empty:
        raise DsxError("curves: no finished model has a training curve yet")
    run = "run_id" if "run_id" in curves.columns else "model_id"
    ordered = curves.sort_values("epoch", kind="stable")
    last = ordered.groupby(run, sort=False)[by].last(skipna=False)
    ranked = last.index[np.argsort(np.nan_to_num(last.to_numpy(float), nan=np.inf), kind="stable")]
    places = extremes(len(ranked), each)
    import pandas as pd

    parts = [ordered[ordered[run] == ranked[at]].assign(role=role) for at, role in places.items()]
    picked: Table = pd.concat(parts, ignore_index=True)
    picked = picked[["role", *curves.columns]]
    return picked


def extremes(n: int, each: int) -> dict[int, str]:
    """Place among n in order → its role: the `each` best, the median, the `each` worst; of few models fewer of them."""
    if n < 3:
        return {at: role for at, role in enumerate(("best", "worst")[:n])}
    each = min(each, (n - 1) // 2)
    roles = dict.fromkeys(range(each), "best") | {(n - 1) // 2: "median"} | dict.fromkeys(range(n - each, n), "worst")
    return dict(sorted(roles.items()))

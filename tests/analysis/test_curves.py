from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.curves import extremes, representative_curves
from dsx.base.errors import DsxError


def curves(last_errors) -> pd.DataFrame:
    rows = [
        {"model_id": f"m{i}", "epoch": epoch, "error": error + 10 * (3 - epoch)}
        for i, error in enumerate(last_errors)
        for epoch in (2, 1, 3)
    ]
    return pd.DataFrame(rows)


def test_best_median_and_worst_are_picked_by_the_last_epoch():
    picked = representative_curves(curves([5.0, 1.0, 9.0, 3.0, np.nan]))
    assert picked.groupby("role", sort=False)["model_id"].first().to_dict() == {
        "best": "m1",
        "median": "m0",
        "worst": "m4",
    }
    assert picked["epoch"].tolist() == [1, 2, 3] * 3


def test_several_of_the_best_and_worst_are_picked_best_first():
    picked = representative_curves(curves([5.0, 1.0, 9.0, 3.0, 7.0, 8.0]), each=2)
    roles = picked.groupby("model_id", sort=False)["role"].first()
    assert roles.to_dict() == {"m1": "best", "m3": "best", "m0": "median", "m5": "worst", "m2": "worst"}
    assert roles.index.tolist() == ["m1", "m3", "m0", "m5", "m2"]
    for n in range(1, 12):
        places = extremes(n, 3)
        counts = [list(places.values()).count(role) for role in ("best", "median", "worst")]
        assert counts == [1, 0, n - 1] if n < 3 else counts == [min(3, (n - 1) // 2), 1, min(3, (n - 1) // 2)]
        assert list(places) == sorted(places)
        assert max(places) == n - 1


def test_few_runs_have_fewer_roles():
    assert representative_curves(curves([5.0]))["role"].unique().tolist() == ["best"]
    assert representative_curves(curves([5.0, 1.0]))["role"].unique().tolist() == ["best", "worst"]


def test_runs_of_one_model_are_told_apart():
    frame = curves([5.0, 1.0, 3.0]).assign(run_id=lambda f: f["model_id"], model_id="same")
    assert representative_curves(frame)["run_id"].unique().tolist() == ["m1", "m2", "m0"]


def test_no_curves_is_one_clear_line():
    with pytest.raises(DsxError, match="curves: no finished model has a training curve yet"):
        representative_curves(curves([5.0]).iloc[:0])
    with pytest.raises(DsxError, match=r"no column 'eror'\. Did you mean error\?"):
        representative_curves(curves([5.0]), "eror")

"""The figure of importance shows the table's numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dsx import plots
from dsx.analysis import importance_table
from dsx.base.errors import DsxError


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    values = {name: rng.uniform(-1, 1, 80) for name in ("depth", "width", "groups")}

    def resample(name: str, draws: int) -> np.ndarray:
        return np.random.default_rng(len(name)).uniform(-1, 1, (draws, 80))

    return importance_table(values, 3 * values["depth"] + rng.normal(size=80), resample)


def test_rows_stand_in_the_tables_order_at_their_strengths(table: pd.DataFrame) -> None:
    ax = Figure().add_subplot()
    assert plots.importance(table, ax=ax) is ax
    rows = table[(table["outcome"] == "error") & (table["with"] == "")]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[::-1] == rows["parameter"].tolist()
    assert names[-1] == "depth"
    points = {x for dots in ax.collections for x in np.asarray(dots.get_offsets())[:, 0]} if ax.collections else set()
    assert set(rows["strength"]) <= points
    assert [bar.get_width() for bar in ax.patches][::-1] == rows["null_line"].tolist()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["shown to have a part of its own", "not shown", "up to here by ties alone"]
    assert ax.get_xlabel() == "share of the variance of the models' ranks"


def test_pairs_and_the_other_outcome_have_their_own_figure(table: pd.DataFrame) -> None:
    ax = plots.importance(table, outcome="best tenth", pairs=True)
    names = {label.get_text() for label in ax.get_yticklabels()}
    assert names == {"depth × width", "depth × groups", "width × groups"}
    assert "best tenth" in ax.get_xlabel()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[-1] == "up to here by chance"


def test_an_outcome_that_the_table_lacks_is_named(table: pd.DataFrame) -> None:
    with pytest.raises(DsxError, match=r"^importance: no rows of outcome 'eror'\. Known: error, best tenth$"):
        plots.importance(table, outcome="eror")

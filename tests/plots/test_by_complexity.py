"""Error against complexity of several populations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx import plots
from dsx.base.errors import DsxError


def study(shift: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"error": shift + rng.gamma(2, 1, 60), "flops": rng.uniform(4e8, 6e8, 60)})


def test_each_study_has_a_line_of_means_and_few_have_their_spread(text_of):
    two = {"A": study(0), "B": study(2)}
    ax = plots.error_by_complexity(two)
    assert [line.get_label().strip("\N{WORD JOINER}") for line in ax.lines] == ["A (n 60)", "B (n 60)"]
    assert ax.get_xlabel() == "flops (M multiply-adds)"
    assert len(ax.collections) == 2
    assert "shaded: ± 2 standard deviations" in text_of(ax)
    assert min(path.vertices[:, 1].min() for band in ax.collections for path in band.get_paths()) >= 0
    four = plots.error_by_complexity(two | {"C": study(3), "D": study(4)})
    assert len(four.lines) == 4
    assert sum(len(band.get_paths()[0].vertices) for band in four.collections if band.get_paths()) == 0
    assert "shaded" not in text_of(four)


def test_nothing_known_is_an_error():
    with pytest.raises(DsxError) as refusal:
        plots.error_by_complexity({"A": study(0)}, "acts")
    assert str(refusal.value) == "nothing to draw: no finished model of known complexity"

"""What is attained within a cost, drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx import plots
from dsx.analysis.attainment import attained, joint_edf
from dsx.base.errors import DsxError
from dsx.plots.attainment import draw_attainment


def study(shift: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"error": shift + rng.gamma(2, 1, 60), "flops": rng.uniform(4e8, 6e8, 60)})


def test_each_study_has_its_steps_and_few_have_their_band(text_of):
    two = {"A": study(0), "B": study(2)}
    ax = plots.attainment(two)
    assert [line.get_label().strip("\N{WORD JOINER}") for line in ax.lines] == ["A", "B"]
    curve = attained(joint_edf(two["A"]["error"], two["A"]["flops"]), 10)
    drawn = ax.lines[0].get_ydata()
    assert drawn.tolist() == curve.error[np.isfinite(curve.error)].tolist()
    assert ax.get_xlabel() == "at most so many flops (M multiply-adds)"
    assert ax.get_ylabel() == "top-1 error (%) of the best of 10"
    assert len(ax.collections) == 2
    assert "shaded: 95 % band" in text_of(ax)
    four = plots.attainment(two | {"C": study(3), "D": study(4)})
    assert len(four.lines) == 4
    assert not four.collections


def test_nothing_attained_is_an_error():
    with pytest.raises(DsxError) as refusal:
        draw_attainment({"A": attained(joint_edf([3.0], [2.0]), 1, costs=[1.0])}, "flops", [])
    assert str(refusal.value) == "nothing to draw: no finished model of known cost"


def test_a_study_without_a_finished_model_and_models_without_a_cost_are_told_and_left_out(text_of):
    pending = study(0).assign(state="pending", error=float("nan"))
    partly = study(2)
    partly.loc[:2, "flops"] = float("nan")
    ax = plots.attainment({"A": study(0), "none": pending, "partly": partly})
    assert [line.get_label().strip("\N{WORD JOINER}") for line in ax.lines] == ["A", "partly"]
    assert "partly: 3 models without flops are left out" in text_of(ax)

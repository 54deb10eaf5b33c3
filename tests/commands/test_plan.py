"""`dsx plan` tells models and cost of a comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx import analysis
from dsx.base.errors import DsxError
from dsx.commands.plan import plan
from dsx.study.study import Study

from command_line import Command

SPACE = dsx.load_space("AnyNetXA-digits")


class Pretended(Study):
    """A study whose results are given, not trained."""

    def results(self) -> pd.DataFrame:
        table = self.population.table
        widths = table[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)
        steps_down = (np.diff(widths, axis=1) < 0).sum(axis=1)
        error = 3 + 0.5 * steps_down + np.random.default_rng(0).normal(0, 0.3, len(table))
        return table.assign(state="done", error=error, run_id=table["model_id"])


def pretended(folder, n: int = 60) -> Study:
    population = dsx.sample(SPACE, n=n, seed=0)
    request = {"n": n, "constraints": SPACE.constraint_texts, "resolution": 8, "num_classes": 10}
    study = Study.create(folder, population, SPACE.to_dict(), request, 0)
    study.__class__ = Pretended
    return study


def test_plan_tells_models_and_cost_for_each_pair(tmp_path) -> None:
    studies = [pretended(tmp_path / "a"), pretended(tmp_path / "b", n=40)]
    told = plan(studies, difference_pct=0.5)
    n = analysis.plan(studies[0].results(), studies[1].results(), 0.5)["n"]
    assert f"{n} models of each space" in told
    assert "1.00 points" in told
    assert "0.25 points" in told
    order = analysis.right_order(*(s.results() for s in studies), [4]).iloc[0]
    assert f" {order['by_mean']:.2f} ({order['by_mean_low']:.2f}–{order['by_mean_high']:.2f})" in told
    assert "chance that so few" not in plan(studies[:1], 0.5)
    assert plan(studies[:1], 0.5).startswith(f"{tmp_path}/a as pilot: To tell a difference of 0.50 points")
    with pytest.raises(DsxError, match="one pilot shows no difference"):
        plan(studies[:1])


def test_the_command_says_what_is_missing(dsx: Command) -> None:
    assert "no study named" in dsx("plan").err

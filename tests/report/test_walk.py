"""The page about a walk: every step with its evidence, the curves of the chain, the last space and its best models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.designing.folder import DesignFolder
from dsx.designing.journal import Journal
from dsx.designing.models import FunctionSource
from dsx.designing.plan import WalkPlan
from dsx.designing.walk import Walk
from dsx.networks.architecture import Architecture
from dsx.recipes.metric import Metric
from dsx.report.walk import best_models, steps_table, write_walk
from dsx.spaces.population import Model


def evaluate(model: Model) -> float:
    assert isinstance(model.architecture, Architecture)
    return 10 + np.random.default_rng(int(model.model_id[:12], 16)).normal(0, 1) + 3 * (model.architecture.depth > 8)


@pytest.fixture(scope="module")
def walk() -> Walk:
    whole = Walk(dsx.load_space("AnyNetXA-digits"), WalkPlan(100), FunctionSource(evaluate), Journal())
    whole.run()
    return whole


@pytest.mark.slow
def test_the_page_tells_the_walk(walk: Walk, tmp_path: Path) -> None:
    DesignFolder(tmp_path).write_chain(walk.chain, walk.steps)
    page = write_walk(tmp_path, walk, "nothing left", "dsx design --out x").read_text(encoding="utf-8")
    assert f"<h1>From AnyNetXA-digits to {walk.space.name}</h1>" in page
    for step in walk.steps:
        assert step.refinement.words in page
    assert "The chance that any step taken is false is at most 5 %" in page
    assert 'src="data:image/svg+xml;base64,' in page
    assert f"extends: {walk.chain[-2].name}" in page
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org", "")
    assert (tmp_path / "chain.png").exists()


@pytest.mark.slow
def test_a_walk_by_another_metric_never_speaks_of_errors(tmp_path: Path) -> None:
    source = FunctionSource(evaluate)
    source.metric = Metric(name="map", unit="%", better="higher", label="mAP")
    whole = Walk(dsx.load_space("AnyNetXA-digits"), WalkPlan(100), source, Journal())
    whole.run()
    DesignFolder(tmp_path).write_chain(whole.chain, whole.steps)
    page = write_walk(tmp_path, whole, "nothing left").read_text(encoding="utf-8")
    told = re.sub(
        r"<style>.*?</style>|<img [^>]*>|<pre>.*?</pre>|<p>The chance that any step.*?</p>", "", page, flags=re.DOTALL
    )
    assert "error" not in told.lower()
    best = 100 - best_models(whole)["error"].iloc[0]
    assert "<th>mAP %</th>" in page
    assert f"<td>{best:.2f}</td>" in page
    assert any("the higher mAP" in refinement.evidence for refinement in whole.proposal)


def test_the_tables_hold_one_row_a_step_and_the_best_models_first(walk: Walk) -> None:
    steps = steps_table(walk)
    assert list(steps["rule"]) == [step.refinement.words for step in walk.steps]
    assert steps["decision"].isin(["better", "no worse", "undecided"]).all()
    best = best_models(walk)
    assert len(best) <= 10
    assert best["error"].min() == pd.DataFrame(walk.pool)["error"].min()
    assert best["error"].is_monotonic_increasing
